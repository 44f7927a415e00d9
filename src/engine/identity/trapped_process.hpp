// A process that waits in a trapped call: its memory, its directories, its program. Everything here
// may lie, and the process may be gone at any moment and its pid be another's: what was read counts
// only when the call still waits afterwards, and is_waiting() is asked before anything is done.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "engine/identity/identity_table.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"

namespace sandbox::engine {

class TrappedProcess {
  public:
    // All borrowed. `proc_fd`: /proc of our own pid namespace.
    TrappedProcess(int proc_fd, const kernel::SeccompListener& listener,
                   const kernel::TrappedCall& call) noexcept
        : proc_fd_(proc_fd), listener_(listener), call_(call) {}

    [[nodiscard]] const kernel::TrappedCall& call() const noexcept { return call_; }
    [[nodiscard]] int proc_fd() const noexcept { return proc_fd_; }
    [[nodiscard]] pid_t pid() const noexcept { return call_.pid; }
    [[nodiscard]] bool is_waiting() const noexcept { return listener_.is_waiting(call_); }
    [[nodiscard]] std::uint64_t argument(unsigned index) const noexcept {
        return call_.args[index];
    }
    [[nodiscard]] std::uint32_t id_argument(unsigned index) const noexcept {
        return static_cast<std::uint32_t>(call_.args[index]);
    }
    [[nodiscard]] int int_argument(unsigned index) const noexcept {
        return static_cast<int>(static_cast<std::uint32_t>(call_.args[index]));
    }

    // 0 or -errno (-EFAULT as the call itself would answer).
    int read(std::uint64_t address, void* data, size_t size) const noexcept;
    int write(std::uint64_t address, const void* data, size_t size) const noexcept;
    // -ENAMETOOLONG from PATH_MAX on.
    int read_path(std::uint64_t address, std::string& path) const;

    // /proc/PID/<name>: "cwd", "root", "fd/3", as O_PATH; what links there is followed. Absent when
    // it is not there.
    [[nodiscard]] base::UniqueFd open_link(const char* name) const noexcept;
    // A path from its own directory or descriptor (AT_FDCWD: the working directory), below
    // proc_fd(): "PID/cwd/name".
    [[nodiscard]] std::string path_from_own(int fd, const std::string& path) const;
    // In the numbers of its own pid namespace: its process or thread.
    [[nodiscard]] bool is_own_pid(int pid) const;
    // umask(2); 077 when it cannot be seen.
    [[nodiscard]] mode_t creation_mask() const;
    // It is the one that its process began with, or has executed a program.
    [[nodiscard]] bool is_first_thread() const noexcept;
    // The process that the thread belongs to, as we number it; -1: gone.
    [[nodiscard]] pid_t leader() const;
    // What the process executes; -errno when that cannot be seen.
    int program(struct stat& info) const noexcept;
    // Its user namespace, by device and inode; -errno when that cannot be seen.
    int user_namespace(struct stat& info) const noexcept;
    // Where its stack began; 0 when that cannot be seen.
    [[nodiscard]] std::uint64_t stack_start() const noexcept;

  private:
    [[nodiscard]] std::string status() const;
    int look_at_link(const char* name, struct stat& info) const noexcept;

    int proc_fd_;
    const kernel::SeccompListener& listener_;
    const kernel::TrappedCall& call_;
};

}  // namespace sandbox::engine
