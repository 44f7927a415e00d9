#include "engine/files/worker.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;
namespace raw = base::raw;

constexpr size_t kMaxPacketBytes = 128u << 10;

json::Value error_words(const base::Error& error) {
    const auto* system = dynamic_cast<const base::SysError*>(&error);
    return json::Object{{"error", error.message()},
                        {"hint", error.hint()},
                        {"code", error.code()},
                        {"errno", system != nullptr ? system->errnum() : 0},
                        {"missing", dynamic_cast<const base::NotFoundError*>(&error) != nullptr}};
}

[[noreturn]] void run_child(WorkPlace& place, const Worker::Action& action, int link_fd,
                            pid_t parent) noexcept {
    const WorkerLink link(link_fd);
    try {
        (void)raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (raw::getppid() != parent) raw::exit_group(1);
        (void)::signal(SIGPIPE, SIG_IGN);
        place.enter();
        // A change of ids clears it.
        (void)raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
        link.tell(json::Object{{"result", action(link)}});
        raw::exit_group(0);
    } catch (const base::Error& error) {
        try {
            link.tell(error_words(error));
        } catch (const std::exception&) {  // nobody is there to hear it
        }
    } catch (const std::exception& error) {
        try {
            link.tell(error_words(base::Error(error.what())));
        } catch (const std::exception&) {
        }
    }
    raw::exit_group(1);
}

}  // namespace

void WorkerLink::tell(const json::Value& words) const {
    const std::string text = json::dump(words, 0, json::Escape::plain);
    if (text.size() > kMaxPacketBytes) throw base::Error("too many words for the parent");
    const long rc = raw::write(fd_, text.data(), text.size());
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "answer the parent");
}

void WorkerLink::wait_go() const {
    char byte = 0;
    long rc = 0;
    do {
        rc = raw::read(fd_, &byte, 1);
    } while (rc == -EINTR);
    if (rc != 1) raw::exit_group(1);
}

Worker Worker::start(WorkPlace& place, const Action& action) {
    for (;;) {
        std::array<int, 2> pair{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
            throw base::SysError(errno, "make a socket pair");
        }
        base::UniqueFd ours(pair[0]);
        base::UniqueFd theirs(pair[1]);
        const pid_t parent = raw::getpid();
        kernel::ChildProcess child = kernel::ChildProcess::clone(place.clone_flags());
        if (child.is_child()) {
            // Our copy of the parent's end must go, or its death would never be seen.
            ours.reset();
            run_child(place, action, theirs.get(), parent);
        }
        theirs.reset();
        if (place.after_clone(child)) return {std::move(child), std::move(ours)};
    }
}

json::Value Worker::receive() {
    std::string text(kMaxPacketBytes, '\0');
    ssize_t size = 0;
    do {
        size = ::recv(link_.get(), text.data(), text.size(), 0);
    } while (size < 0 && errno == EINTR);
    if (size <= 0) {
        const kernel::ExitStatus status = child_.wait();
        throw base::Error(
            "a helper process ended early" +
            (status.signal != 0 ? " by signal " + std::to_string(status.signal) : std::string()));
    }
    text.resize(static_cast<size_t>(size));
    const json::Value words = json::parse(text);
    if (const std::string* message = words["error"].as_string()) {
        const int code = static_cast<int>(words["code"].try_i64().value_or(0));
        if (words["missing"].is_true()) {
            throw base::NotFoundError(*message, words.string_or("hint"), code);
        }
        throw WorkerError(*message, words.string_or("hint"), code,
                          static_cast<int>(words["errno"].try_i64().value_or(0)));
    }
    return words["result"].is_null() ? words : words["result"];
}

void Worker::go() {
    (void)::send(link_.get(), "g", 1, MSG_NOSIGNAL);
}

}  // namespace sandbox::engine
