// Entries of a layer → files below one directory. Runs inside the confined child: what belongs to
// the tree is trusted to be inside the root, what the tar says is not trusted at all.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "image/dir_cache.hpp"
#include "image/notices.hpp"
#include "image/owner_log.hpp"
#include "image/owner_rule.hpp"
#include "image/tar_reader.hpp"
#include "image/whiteout.hpp"
#include "sandbox/image/unpack.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::image {

class TreeWriter {
  public:
    // Descriptors are borrowed; owners_fd may be -1. Must run with umask 0.
    TreeWriter(int root_fd, int owners_fd, const kernel::IdMap& ids, const UnpackLimits& limits);

    // The reader stands at `entry`; a file's data is read from it. Throws IntegrityError, Error.
    void apply(const TarEntry& entry, TarReader& reader);
    // Directories get their final mode, owner and time. Must be called once, at the end.
    void finish();

    [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }
    [[nodiscard]] std::vector<std::string> implied_dirs() const;
    [[nodiscard]] const Notices& notices() const noexcept { return notices_; }

  private:
    // Where a new entry goes.
    struct Place {
        int parent_fd;
        std::string name;
    };
    struct DirRecord {
        ino_t inode = 0;
        KeptOwner owner;
        mode_t mode = 0755;
        std::int64_t mtime_seconds = 0;
        std::uint32_t mtime_nanoseconds = 0;
        std::vector<TarXattr> xattrs;
    };

    void apply_whiteout(const Whiteout& mark);
    void make_entry(const TarEntry& entry, const std::string& path, TarReader& reader);
    void make_file(const TarEntry& entry, const std::string& path, TarReader& reader);
    void write_data(int fd, const TarEntry& entry, TarReader& reader);
    void finish_file(int fd, const TarEntry& entry, const std::string& path);
    void make_directory(const TarEntry& entry, const std::string& path);
    void make_root(const TarEntry& entry);
    void make_symlink(const TarEntry& entry, const std::string& path);
    void make_hard_link(const TarEntry& entry, const std::string& path);
    void make_fifo(const TarEntry& entry, const std::string& path);
    void finish_directory(const std::string& path, const DirRecord& record);

    // The cache, emptied first when something was removed since (clear() leaves it alone, because
    // its caller still uses a descriptor of it).
    [[nodiscard]] DirCache& dirs() noexcept;
    [[nodiscard]] Place place_of(const std::string& path);
    // Removes what an earlier entry put there. Answers whether it was a hide mark.
    bool clear(const Place& place, const std::string& path);
    void forget_below(const std::string& path);
    [[nodiscard]] KeptOwner owner_of(const TarEntry& entry, const std::string& path);
    [[nodiscard]] mode_t mode_of(const TarEntry& entry, const KeptOwner& owner,
                                 const std::string& path);
    void set_xattrs(int fd, const std::vector<TarXattr>& xattrs, const std::string& path);
    void require_opaque(int dir_fd, const std::string& path);
    void check_disk();
    void count_written(std::uint64_t bytes);

    int root_fd_;
    const kernel::IdMap& ids_;
    UnpackLimits limits_;
    OwnerLog owners_;
    Notices notices_;
    DirCache dirs_;
    std::unordered_map<std::string, DirRecord> dir_records_;
    std::unordered_set<std::string> implied_;
    std::uint64_t entries_ = 0;
    std::uint64_t unchecked_bytes_ = 0;
    bool root_seen_ = false;
    bool stale_ = false;
};

}  // namespace sandbox::image
