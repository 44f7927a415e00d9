#include "engine/exec/join_words.hpp"

#include <cerrno>

#include "engine/launch_words.hpp"

namespace sandbox::engine {
namespace {

using child::Message;
using child::Step;
constexpr int kEngine = base::exit_code::kEngine;

std::string namespace_name(int index) {
    constexpr const char* kWords[child::kNamespaceCount] = {
        "user", "mount", "process", "IPC", "host name", "network", "cgroup"};
    return index >= 0 && index < child::kNamespaceCount ? kWords[index] : "other";
}

base::Error join_error(const Message& failure) {
    std::string hint;
    if (failure.index == 0 && failure.error == EPERM) {
        hint = "only who started the container may enter it, and from the same user namespace";
    } else if (failure.index == 2 && (failure.error == ENOMEM || failure.error == EINVAL)) {
        hint = "it is just ending";
    }
    return base::Error("join the container's " + namespace_name(failure.index) +
                           " namespace: " + base::errno_text(failure.error),
                       hint, kEngine);
}

base::Error fork_error(const Message& failure) {
    // pid_namespaces(7): ENOMEM once its first process has ended.
    if (failure.error == ENOMEM) {
        return base::Error("the container has ended meanwhile", {}, kEngine);
    }
    return base::Error("create a process in the container: " + base::errno_text(failure.error),
                       failure.error == EAGAIN ? "it has as many processes as its limit allows: "
                                                 "see --pids-limit"
                                               : "",
                       kEngine);
}

}  // namespace

base::Error make_exec_error(const Message& failure, const ExecSpec& spec, const child::Plan& plan) {
    switch (failure.step) {
        case Step::join_namespace:
            return join_error(failure);
        case Step::fork_payload:
            return fork_error(failure);
        case Step::join_cgroup:
            return base::Error("enter the container's cgroup: " + base::errno_text(failure.error),
                               "it keeps the container's limits; try `systemd-run --user --scope "
                               "sandbox exec ...`",
                               kEngine);
        case Step::open_pty:
            return base::Error(
                "open a terminal in the container: " + base::errno_text(failure.error),
                failure.error == ENOSPC ? "all its terminals are in use"
                                        : "its /dev/pts is not as it was made",
                kEngine);
        default:
            break;
    }
    ContainerSpec like;
    like.argv = spec.argv;
    like.working_dir = spec.working_dir;
    like.user.uid = {plan.uid};
    like.user.gid = {plan.gid};
    return make_launch_error(failure, like, plan);
}

}  // namespace sandbox::engine
