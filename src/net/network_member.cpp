// Theory. Who finds no holder starts one and hears by a pipe that it listens. Of two that are
// started at once, the one without the lock ends at once and the pipe with it: then somebody else's
// listens soon, or has just ended, and the whole is tried again.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "net/holder_wire.hpp"
#include "net/namespace_entry.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file_lock.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/own_program.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/net/holder.hpp"

namespace sandbox::net {
namespace {

namespace raw = base::raw;
namespace json = base::json;
using base::SysError;
using base::UniqueFd;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPatience{10'000};
constexpr milliseconds kFirstPause{1};
constexpr milliseconds kLongestPause{20};
constexpr int kReadyFd = 3;

std::optional<UniqueFd> try_connect(int dir_fd, const std::string& id) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) throw SysError(errno, "make a socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = wire::socket_path(dir_fd, id);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const auto* target = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket.get(), target, sizeof address) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN) return std::nullopt;
        throw SysError(errno, "reach the network's holder");
    }
    constexpr timeval kLongest{std::chrono::duration_cast<std::chrono::seconds>(kPatience).count(),
                               0};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kLongest, sizeof kLongest);
    return socket;
}

// In a grandchild, which is nobody's child any more. Plain calls, no return.
[[noreturn]] void become_holder(const char* const* words, int ready_fd) noexcept {
    const int ready = raw::fcntl(ready_fd, F_DUPFD_CLOEXEC, kReadyFd + 1);
    const int null = raw::openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
    const int self = raw::openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const int program = self < 0 ? self : raw::fcntl(self, F_DUPFD_CLOEXEC, kReadyFd + 1);
    if (ready < 0 || null < 0 || program < 0) raw::exit_group(1);
    for (int fd = 0; fd < kReadyFd; ++fd) (void)raw::dup3(null, fd, 0);
    if (raw::dup3(ready, kReadyFd, 0) < 0) raw::exit_group(1);
    (void)raw::close_range(kReadyFd + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    kernel::become_own_program(program, words, 1);
}

// True: it listens. False: it does not, another one has the lock.
bool start_holder(const HolderPlace& place, const NetworkPlan& plan) {
    const std::string plan_text = encode_plan(plan);
    const std::array<const char*, 6> words{
        "sandbox",        "__network",       place.directory.c_str(),
        place.id.c_str(), plan_text.c_str(), nullptr};
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw SysError(errno, "make a pipe");
    UniqueFd ours(ends[0]), theirs(ends[1]);
    kernel::ChildProcess between = kernel::ChildProcess::clone(0);
    if (between.is_child()) {
        kernel::ChildProcess holder = kernel::ChildProcess::clone(0);
        if (holder.is_child()) become_holder(words.data(), theirs.get());
        holder.release();
        raw::exit_group(0);
    }
    theirs.reset();
    (void)between.wait();
    char ready = 0;
    long got = 0;
    do {
        got = raw::read(ours.get(), &ready, 1);
    } while (got == -EINTR);
    return got == 1;
}

UniqueFd connect_or_start(const HolderPlace& place, const NetworkPlan& plan) {
    const UniqueFd dir = base::open_dir(place.directory);
    const auto deadline = Clock::now() + kPatience;
    milliseconds pause = kFirstPause;
    for (;;) {
        if (auto socket = try_connect(dir.get(), place.id)) return std::move(*socket);
        if (start_holder(place, plan)) continue;
        if (Clock::now() > deadline) {
            throw base::Error("the holder of network " + plan.name + " does not start",
                              "run sandbox doctor");
        }
        std::this_thread::sleep_for(pause);
        pause = std::min(kLongestPause, pause * 2);
    }
}

}  // namespace

std::string NetworkMember::ask(const std::string& text, const std::vector<int>& fds) {
    try {
        send_message(socket_.get(), text, fds);
        for (;;) {
            const Message answer = receive_message(socket_.get());
            if (answer.text.empty()) break;
            const json::Value value = json::parse(answer.text);
            if (!value.string_or("event").empty()) {
                names_ = wire::names_from_json(value["others"]);
                news_ = true;
                continue;
            }
            if (const std::string error = value.string_or("error"); !error.empty()) {
                throw base::Error(error, value.string_or("hint"),
                                  static_cast<int>(value["code"].try_i64().value_or(0)));
            }
            return answer.text;
        }
    } catch (const SysError& error) {
        if (error.errnum() != EPIPE && error.errnum() != ECONNRESET) {
            // An answer that comes too late must not be taken for that to the next question.
            (void)::shutdown(socket_.get(), SHUT_RDWR);
            throw;
        }
    }
    throw HolderGone("the process that holds the network has died");
}

NetworkMember NetworkMember::enter(const HolderPlace& place, const NetworkPlan& plan,
                                   const AttachPlan& wish, bool wants_names) {
    json::Value request = wire::wish_to_json(wish);
    (*request.as_object())["wants_names"] = wants_names;
    const std::string text = json::dump(request);
    constexpr int kTries = 50;
    for (int tries = 0;; ++tries) {
        NetworkMember member(connect_or_start(place, plan));
        try {
            member.attachment_ = wire::attachment_from_json(json::parse(member.ask(text)));
            return member;
        } catch (const HolderGone&) {
            // It was about to end when we came.
            if (tries == kTries) throw;
        }
        std::this_thread::sleep_for(kFirstPause);
    }
}

void NetworkMember::join(int netns_fd, bool configures_itself) {
    take_names(
        ask(json::dump(json::Object{{"op", "join"}, {"itself", configures_itself}}), {netns_fd}));
}

void NetworkMember::lead_out(int netns_fd) {
    (void)ask(json::dump(json::Object{{"op", "lead_out"}}), {netns_fd});
}

void NetworkMember::want_names() {
    take_names(ask(json::dump(json::Object{{"op", "want_names"}})));
}

// A holder that another version has started tells them a moment later.
void NetworkMember::take_names(const std::string& answer) {
    const json::Value value = json::parse(answer);
    if (value["others"].as_array() == nullptr) return;
    names_ = wire::names_from_json(value["others"]);
    news_ = true;
}

void NetworkMember::publish(const PublishedPort& port, int socket_fd) {
    (void)ask(json::dump(json::Object{{"op", "publish"},
                                      {"transport", transport_name(port.transport)},
                                      {"port", static_cast<int>(port.container_port)}}),
              {socket_fd});
}

void NetworkMember::set_names(const std::vector<std::string>& names) {
    (void)ask(json::dump(json::Object{{"op", "names"}, {"names", names}}));
}

void NetworkMember::set_view(const std::vector<NamedAddresses>& others) {
    (void)ask(json::dump(json::Object{{"op", "view"}, {"others", wire::names_to_json(others)}}));
}

void NetworkMember::leave() {
    (void)ask(json::dump(json::Object{{"op", "leave"}}));
}

NetworkMember::News NetworkMember::read_news() {
    if (std::exchange(news_, false)) return News::names;
    char first = 0;
    const ssize_t size = ::recv(socket_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return News::none;
    if (size <= 0) return News::gone;
    const json::Value value = json::parse(receive_message(socket_.get()).text);
    names_ = wire::names_from_json(value["others"]);
    return News::names;
}

bool holder_runs(const HolderPlace& place) {
    const auto dir = base::try_open_at(AT_FDCWD, place.directory, O_RDONLY | O_DIRECTORY);
    return dir && base::FileLock::is_held(dir->get(), place.id.substr(0, 32) + ".lock");
}

bool wait_for_holder_end(const HolderPlace& place, milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    milliseconds pause = kFirstPause;
    while (holder_runs(place)) {
        if (Clock::now() > deadline) return false;
        std::this_thread::sleep_for(pause);
        pause = std::min(kLongestPause, pause * 2);
    }
    return true;
}

}  // namespace sandbox::net
