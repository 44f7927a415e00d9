// Removes files without waiting until it is done. The kernel frees a file's pages in the process
// that takes its last name or descriptor away, and that is a fifth of the work of writing it. So a
// big one is removed by a process of its own, which lives no longer than that takes.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/kernel/process.hpp"

namespace sandbox::store {

class FileRemover {
  public:
    FileRemover() = default;
    FileRemover(const FileRemover&) = delete;
    FileRemover& operator=(const FileRemover&) = delete;
    ~FileRemover() { finish(); }

    // The one before has been removed by then. `dir_fd` is borrowed until finish(). False: it could
    // not be removed, as far as is known by now.
    bool remove(int dir_fd, const std::string& name, std::uint64_t size_bytes) noexcept;
    // Waits for what is under way.
    void finish() noexcept;

  private:
    kernel::ChildProcess child_;
    int dir_fd_ = -1;
    std::string name_;
};

}  // namespace sandbox::store
