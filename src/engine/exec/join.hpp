// A program into a running container: the joining side of exec and of health checks. The theory is
// at the head of child/join.cpp. Not for: asking the supervisor what the container is (exec_base),
// the caller's terminal and signals (exec_client).
#pragma once

#include <sys/ioctl.h>

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/namespace_fds.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/engine/container_spec.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::engine {

struct ExecSpec {
    std::vector<std::string> argv;  // never empty
    std::vector<std::string> env;   // NAME=value, complete but for HOME
    // HOME, when `env` has none and `user` is known; looked up otherwise.
    bool set_home = true;
    std::string working_dir = "/";  // absolute; must exist
    // Known: as the container was started. Otherwise `user_text` ("name", "uid", "user:group") and
    // `group_add` are looked up in what the container's /etc/passwd and /etc/group say now.
    std::optional<IdentitySpec> user;
    std::string user_text;
    std::vector<std::string> group_add;
    kernel::CapabilitySet capabilities = 0;  // bounding; effective too when the uid is 0
    bool no_new_privileges = false;
    kernel::BpfProgram seccomp;                   // empty: none
    std::vector<std::pair<int, rlimit>> rlimits;  // lowered to what this process may give
    bool tty = false;
    bool detached = false;  // outlives the calling process
    bool limited = false;   // by its cgroup: it must be entered
    kernel::IdMap ids;      // the container's
    bool emulated = false;  // IdentityMode::emulate: `user` is only shown
};

// All descriptors are borrowed and must stay open until start_exec() returns.
struct ExecContext {
    std::array<int, 3> stdio_fds{0, 1, 2};  // without a tty
    std::optional<winsize> window;
    int cgroup_procs_fd = -1;  // the container's cgroup.procs, open for writing
    // With emulated identities: takes the listener of the program's filter, which waits for answers
    // from then on, and who it is. Must be set.
    std::function<void(base::UniqueFd listener, const IdentitySpec& user)> on_listener;
    // To join takes a millisecond; longer than this only what the container holds up.
    std::chrono::seconds patience{30};
};

struct RunningExec {
    // The joined program's parent: signal() passes on to the program, SIGKILL ends both. Readable
    // pid_fd(): the program has ended.
    kernel::ChildProcess process;
    base::UniqueFd pty_master;  // tty only
    base::UniqueFd control;     // how the program ended
    base::UniqueFd handshake;   // why it could not be executed
};

// Answers when all is set up and the program is about to be executed. Throws Error with code 125,
// 126 (user or directory refused) as launch() does; UsageError (125) for an unknown user. Nothing
// is left running then. Must be called in a process with one thread.
[[nodiscard]] RunningExec start_exec(const NamespaceFds& namespaces, const ExecSpec& spec,
                                     const ExecContext& context);

// Its parent kills it and its process group, and reaps it: then process.pid_fd() is readable.
void request_kill(const RunningExec& running) noexcept;
// Waits until the program has been executed. Throws 126/127 when it could not be.
void wait_executed(RunningExec& running, const ExecSpec& spec);
// Waits for the end. Throws 126/127 when it could not be executed.
[[nodiscard]] kernel::ExitStatus finish_exec(RunningExec& running, const ExecSpec& spec);

}  // namespace sandbox::engine
