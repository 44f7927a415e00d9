// Staging: finished work is published by commit() (rename); anything else is removed.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::base {

// A directory ".tmp-<random>" (0700) below `parent_fd` (borrowed; must outlive the object).
// It holds a lock on itself while it lives: leftovers without a lock belong to a killed process.
class TempDir {
  public:
    explicit TempDir(int parent_fd, const std::string& prefix = ".tmp-");
    TempDir(TempDir&&) noexcept;
    TempDir& operator=(TempDir&&) = delete;
    ~TempDir();
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    // Renames to `name` below `target_dir_fd`. Throws SysError; EEXIST/ENOTEMPTY when it is there.
    void commit(int target_dir_fd, const std::string& name);
    void release() noexcept { name_.clear(); }  // leave it where it is; the caller cares

  private:
    int parent_fd_;
    std::string name_;
    UniqueFd fd_;
};

// A file ".tmp-<random>" below `dir_fd`.
class StagedFile {
  public:
    StagedFile(int dir_fd, mode_t mode);
    StagedFile(StagedFile&&) noexcept;
    StagedFile& operator=(StagedFile&&) = delete;
    ~StagedFile();
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    // fsync, then rename over `name`, then fsync of the directory; rename alone when volatile.
    void commit(int target_dir_fd, const std::string& name,
                Durability durability = Durability::synced);

  private:
    int dir_fd_;
    std::string name_;
    UniqueFd fd_;
};

// Removes ".tmp-*" below `dir_fd` whose owner is dead. Answers the names that need another uid.
std::vector<std::string> remove_stale_temps(int dir_fd);

}  // namespace sandbox::base
