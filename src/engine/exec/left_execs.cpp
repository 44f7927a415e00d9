#include "engine/exec/left_execs.hpp"

#include <fcntl.h>
#include <sys/epoll.h>

#include <csignal>
#include <utility>

#include "engine/handshake.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::engine {
namespace {

// Somebody who starts programs without end must not take all our descriptors: of more than these
// nobody hears the end.
constexpr size_t kMostWatched = 512;
constexpr size_t kLongestId = 64;

}  // namespace

base::json::Value exec_left_request(const std::string& exec_id) {
    return base::json::Object{{"op", "exec-left"}, {"exec_id", exec_id}};
}

LeftExecs::LeftExecs(ControlServer& server, base::PollLoop& loop, Ended ended)
    : loop_(loop), ended_(std::move(ended)) {
    server.on("exec-left", [this](ControlCall call) { watch(std::move(call)); });
}

LeftExecs::~LeftExecs() {
    for (const Left& left : left_) loop_.remove(left.token);
}

void LeftExecs::watch(ControlCall call) {
    const std::string id = call.request().string_or("exec_id").substr(0, kLongestId);
    if (call.fds().empty()) throw base::Error("the program's pipe is missing");
    if (left_.size() < kMostWatched) {
        const auto left = left_.insert(left_.end(), Left{id, std::move(call.fds().front()), {}});
        (void)base::raw::fcntl(left->control.get(), F_SETFL, O_NONBLOCK);
        left->token = loop_.add_fd(left->control.get(), EPOLLIN,
                                   [this, left](std::uint32_t) { on_end(left); });
    }
    call.reply();
}

void LeftExecs::on_end(std::list<Left>::iterator left) {
    loop_.remove(left->token);
    // Its parent was killed: as it was itself, then.
    int code = base::exit_code::kSignalBase + SIGKILL;
    if (const auto report = try_read_exit(left->control.get())) {
        code = kernel::ExitStatus{report->code, report->signal}.shell_code();
    }
    const std::string id = std::move(left->exec_id);
    left_.erase(left);
    ended_(id, code);
}

}  // namespace sandbox::engine
