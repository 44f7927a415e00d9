// `attach`: the caller's terminal or pipes on the streams of a container that runs detached. Must
// be called in a process with one thread.
#pragma once

#include <optional>
#include <string>

#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

struct AttachRequest {
    std::string container;  // name, id or unique id prefix
    bool no_stdin = false;
    bool sig_proxy = true;
    // docker's words: "ctrl-p,ctrl-q" (the default), "" for none.
    std::optional<std::string> detach_keys;
};

// Throws UsageError for keys that are none.
void check_detach_keys(const std::string& keys);

// Answers the container's exit code when it has ended, 0 when the caller detached himself. Throws
// Error: no such container, not running, ….
int attach_container(const store::Store& store, const AttachRequest& request);
// `start -a`: starts it and is attached from its first byte on. One that runs is attached to.
int start_attached(const store::Store& store, const AttachRequest& request);

}  // namespace sandbox::engine
