// Advisory locks: flock(2) on a file of ours. Held as long as the object lives; the kernel drops
// it with the last descriptor, so a killed holder never leaves a lock behind.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::base {

enum class LockMode { shared, exclusive };

class FileLock {
  public:
    // Creates the file (0600) when missing. Waits; `waiting` text is logged once after a second
    // ("waiting for another sandbox to finish with the store"). Interrupted by SIGINT → Error.
    static FileLock acquire(int dir_fd, const std::string& name, LockMode mode,
                            const std::string& waiting = {});
    // Absent when somebody else holds it.
    static std::optional<FileLock> try_acquire(int dir_fd, const std::string& name, LockMode mode);
    // The directory itself; names no file in it, so that it can be held while all of them go.
    // Absent when it was removed (waited for) or somebody else holds it (tried).
    static std::optional<FileLock> acquire_directory(int dir_fd, LockMode mode);
    static std::optional<FileLock> try_acquire_directory(int dir_fd, LockMode mode);
    // A descriptor whose open file description holds the lock already (inherited over exec).
    static FileLock adopt(UniqueFd fd) noexcept { return FileLock(std::move(fd)); }
    // Is it held by anybody? Does not create the file; a missing file is not held.
    static bool is_held(int dir_fd, const std::string& name);
    // Exchange the mode without giving it up in between is not possible with flock: re-check after.
    void convert(LockMode mode);
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    explicit FileLock(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace sandbox::base
