// The tar → tree half of tree_archive.hpp. What exists is replaced, as docker's cp does it; what a
// directory is and what is none never replace each other.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "image/tar_reader.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/image/tree_archive.hpp"

namespace sandbox::image {

class TreeExtract {
  public:
    TreeExtract(int target_fd, const ExtractOptions& options);  // borrowed
    // The reader stands at `entry`.
    void apply(const TarEntry& entry, TarReader& reader);
    // Directories get their final mode and time.
    FileReport finish();

  private:
    struct Owner {
        uid_t uid;
        gid_t gid;
    };
    struct Dir {
        std::string path;
        mode_t mode;
        timespec times[2];
        FileOwner owner;  // to be marked
    };

    [[nodiscard]] std::string renamed(std::string path) const;
    [[nodiscard]] int open_parent(const std::string& path);
    [[nodiscard]] base::UniqueFd open_dir(const std::string& path, bool make);
    [[nodiscard]] std::string shown(const std::string& path) const;
    void make_directory(const TarEntry& entry, const std::string& path, int parent_fd,
                        const std::string& name);
    void make_file(const TarEntry& entry, const std::string& path, int parent_fd,
                   const std::string& name, TarReader& reader);
    void write_over(int parent_fd, const std::string& name, const std::string& staged,
                    const std::string& path);
    void make_special(const TarEntry& entry, const std::string& path, int parent_fd,
                      const std::string& name);
    void make_hard_link(const TarEntry& entry, const std::string& path, int parent_fd,
                        const std::string& name);
    // True: nothing is there (any more). Throws where a directory is.
    void clear(int parent_fd, const std::string& name, const std::string& path);
    void set_owner(int parent_fd, const std::string& name, const TarEntry& entry,
                   const std::string& path);
    void mark_owner(int fd, const FileOwner& owner, const std::string& path);
    void set_attributes(int fd, const TarEntry& entry, const std::string& path);
    [[nodiscard]] bool wants_owner() const noexcept;
    [[nodiscard]] Owner owner_of(const TarEntry& entry, const std::string& path);
    [[nodiscard]] mode_t mode_of(const TarEntry& entry);
    void notice(const std::string& line);

    int target_fd_;
    const ExtractOptions& options_;
    std::string parent_path_;  // of parent_
    base::UniqueFd parent_;
    std::vector<Dir> dirs_;
    std::unordered_set<std::string> made_;  // targets that a hard link may have
    FileReport report_;
    bool said_id_bits_ = false;
    bool said_owner_ = false;
    std::uint64_t staged_ = 0;
};

}  // namespace sandbox::image
