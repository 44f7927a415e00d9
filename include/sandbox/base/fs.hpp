// Files by directory descriptor: inside a root file system never join strings, walk from a
// directory fd with open_beneath()/open_in_root(). All opens are O_CLOEXEC. Throws SysError.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::base {

// openat2(2) RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS. On ENOSYS walks by hand, component by
// component.
[[nodiscard]] UniqueFd open_beneath(int dir_fd, const std::string& path, int flags,
                                    mode_t mode = 0);
// openat2(2) RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS: absolute links and ".." stay below root_fd.
// Falls back to a walk by hand on ENOSYS. try_: absent on ENOENT or ENOTDIR.
[[nodiscard]] UniqueFd open_in_root(int root_fd, const std::string& path, int flags,
                                    mode_t mode = 0);
[[nodiscard]] std::optional<UniqueFd> try_open_in_root(int root_fd, const std::string& path,
                                                       int flags);

[[nodiscard]] UniqueFd open_at(int dir_fd, const std::string& path, int flags, mode_t mode = 0);
[[nodiscard]] std::optional<UniqueFd> try_open_at(int dir_fd, const std::string& path, int flags,
                                                  mode_t mode = 0);  // absent on ENOENT
[[nodiscard]] UniqueFd open_dir(const std::string& path);  // O_PATH-less O_DIRECTORY descriptor

void make_dir_at(int dir_fd, const std::string& path, mode_t mode);  // existing dir is fine
void make_dirs(const std::string& path, mode_t mode);                // mkdir -p

// Whole content; more than `limit_bytes` is an Error. Regular files only (never blocks on a FIFO).
[[nodiscard]] std::string read_file(const std::string& path, size_t limit_bytes);
[[nodiscard]] std::string read_file_at(int dir_fd, const std::string& path, size_t limit_bytes);
[[nodiscard]] std::optional<std::string> try_read_file_at(int dir_fd, const std::string& path,
                                                          size_t limit_bytes);
[[nodiscard]] std::string read_fd(int fd, size_t limit_bytes);
void write_all(int fd, std::string_view data);
enum class Durability { volatile_data, synced };
// Written beside, (fsynced,) renamed over: readers see the old or the new content, whole.
void write_file_atomic(int dir_fd, const std::string& name, std::string_view data, mode_t mode,
                       Durability durability);
void sync_fd(int fd);                                         // fsync
void sync_filesystem(int fd);                                 // syncfs
[[nodiscard]] std::vector<std::string> list_dir(int dir_fd);  // names, without . and .., sorted
// Throws SysError; it may have been removed.
[[nodiscard]] std::string current_directory();
[[nodiscard]] bool exists_at(int dir_fd, const std::string& path);  // lstat; no following
void rename_at(int from_dir_fd, const std::string& from, int to_dir_fd, const std::string& to);
void unlink_at(int dir_fd, const std::string& path, bool missing_ok = false);

// Removes a whole tree without following links, across unreadable directories of our own (0000),
// at any depth, with a bounded number of descriptors.
// Answers false when something owned by another uid could not be removed (EACCES/EPERM): the
// caller then repeats it inside a user namespace that maps the owner. Other failures throw.
[[nodiscard]] bool remove_tree_at(int dir_fd, const std::string& name);

struct TreeUsage {
    std::uint64_t allocated_bytes = 0;  // st_blocks * 512, hard links once: what du -s says
    std::uint64_t apparent_bytes = 0;
    std::uint64_t entries = 0;
};
// Of what is gone, or goes meanwhile: nothing.
[[nodiscard]] TreeUsage measure_tree_at(int dir_fd, const std::string& name);

}  // namespace sandbox::base
