// Who a file belongs to, where the kernel knows one owner only. Remembered with the file, as the
// attribute of image/owner_mark.hpp, which moves, is copied up and goes with it. What cannot
// carry it (links, devices, sockets, file systems without attributes) and what is not ours to mark
// (bind mounts) stands in a table by inode and time of birth.
// A file without either belongs to root. Devices, which nobody can make here, are sockets that the
// table says are to be shown as devices: they open for nobody (open(2), ENXIO).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/image/owner_table.hpp"

namespace sandbox::engine {

using image::FileOwner;

// What statx(2) says of one; our own, so that there is one place that asks.
struct FileFacts {
    std::uint32_t device_major = 0, device_minor = 0;
    std::uint64_t inode = 0, mount = 0;
    std::int64_t birth_seconds = 0;
    std::uint32_t birth_nanoseconds = 0;
    mode_t mode = 0;
};

enum class QuickOwner { root, no_file, perhaps_somebody };

class FileOwners {
  public:
    // The working directory of this process must be /proc of its pid namespace. `table_fd`: a file
    // for the table, read now and appended to; -1: it goes with this object. `table`: of the image.
    FileOwners(base::UniqueFd table_fd, image::OwnerTable table);
    // Files on that mount are not marked.
    void leave_alone(std::uint64_t mount) { unmarked_mounts_.insert(mount); }

    // `fd`: an O_PATH descriptor. -errno when the file cannot be asked.
    static int look_at(int fd, FileFacts& facts) noexcept;
    static int look_at(int dir_fd, const char* path, int flags, FileFacts& facts) noexcept;
    [[nodiscard]] FileOwner of(int fd, const FileFacts& facts) const;
    // The mark of a file, where that is all that counts, in one call; absent: of() knows.
    [[nodiscard]] std::optional<FileOwner> try_quickly(int fd) const noexcept;
    // One call instead of four, where the kernel has it (Linux 6.13). Follows magic links: good for
    // leaving a call to the kernel, for nothing else.
    [[nodiscard]] QuickOwner look_quickly(int dir_fd, const char* path, int flags) const noexcept;
    // On a mount that is to be left alone.
    [[nodiscard]] bool is_left_alone(const FileFacts& facts) const noexcept {
        return unmarked_mounts_.count(facts.mount) != 0;
    }
    int remember(int fd, const FileFacts& facts, const FileOwner& owner);

  private:
    [[nodiscard]] std::optional<FileOwner> read_mark(int fd) const noexcept;
    long write_mark(int fd, const std::string& text) const noexcept;
    [[nodiscard]] bool can_be_marked(const FileFacts& facts) const noexcept;
    int enter(const FileFacts& facts, const FileOwner& owner);
    int enter_copied_up(int fd, const FileFacts& facts, const FileOwner& owner);
    void load();

    base::UniqueFd descriptors_;  // the directory of our own; empty: without the newer calls
    base::UniqueFd table_fd_;
    image::OwnerTable table_;
    std::set<std::uint64_t> unmarked_mounts_;
};

}  // namespace sandbox::engine
