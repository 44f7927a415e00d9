// `exec`: a program in a container that runs. The calling process joins by itself; the container's
// supervisor only says what it may and hands over the namespaces. Must be called in a process with
// one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// Flags as typed (docker's grammar).
struct ExecRequest {
    std::string container;  // name, id or unique id prefix
    std::vector<std::string> command;
    std::vector<std::string> env, env_files;
    std::optional<std::string> user, working_dir;  // absent: the container's own
    bool interactive = false;
    std::optional<bool> tty;  // absent: found out
    bool detach = false;
    bool privileged = false;
};

// Answers the exit code: the program's own, 128+n, or 126/127 when it could not be executed (said
// on stderr). Throws Error with code 125: no such container, not running, paused, ….
int exec_in_container(const store::Store& store, const ExecRequest& request);

}  // namespace sandbox::engine
