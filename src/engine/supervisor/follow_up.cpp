#include "engine/supervisor/follow_up.hpp"

#include <fcntl.h>
#include <sys/epoll.h>

#include <array>
#include <exception>
#include <memory>

#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/own_program.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

// After the fork, in a process with one thread: plain calls, no return. The standard descriptors
// are /dev/null since the supervisor has told of its start, the others are closed on exec.
[[noreturn]] void become(const char* const* words) noexcept {
    const int program = raw::openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (program < 0) raw::exit_group(1);
    kernel::become_own_program(program, words, 1);
}

}  // namespace

FollowUps::~FollowUps() {
    for (kernel::ChildProcess& child : children_) child.release();
}

void FollowUps::start(const std::string& verb, const char* what,
                      const store::ContainerState& state) noexcept {
    if (verb.empty()) return;
    try {
        const std::string started = std::to_string(state.started_ns);
        const std::array<const char*, 7> words{
            "sandbox",   verb.c_str(),    what,   store_.root().c_str(),
            id_.c_str(), started.c_str(), nullptr};
        kernel::ChildProcess child = kernel::ChildProcess::clone(0);
        if (child.is_child()) become(words.data());
        const auto mine = children_.insert(children_.end(), std::move(child));
        const auto token = std::make_shared<base::PollLoop::Token>();
        *token = loop_.add_fd(mine->pid_fd(), EPOLLIN, [this, mine, token](std::uint32_t) {
            loop_.remove(*token);
            (void)mine->wait();
            children_.erase(mine);
        });
    } catch (const std::exception& error) {
        base::log::debug(error.what());
    }
}

}  // namespace sandbox::engine
