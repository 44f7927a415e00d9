// Theory. One thread, one loop: the network, its gateway, one connection per container. Its lock is
// the proof that it lives. It ends when nobody is connected any more: the socket goes first, so
// that who comes now starts another holder, which gets the lock when we are gone.
#include "sandbox/net/holder.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <utility>

#include "net/confine.hpp"
#include "net/faults.hpp"
#include "net/holder_wire.hpp"
#include "net/namespace_entry.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file_lock.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/net/gateway.hpp"

namespace sandbox::net {
namespace {

namespace raw = base::raw;
namespace json = base::json;
using base::PollLoop;
using base::SysError;
using base::UniqueFd;

constexpr int kReadyFd = 3;
constexpr std::chrono::nanoseconds kOnce{0};
// Who was started for somebody that died before it could ask.
constexpr std::chrono::seconds kFirstPatience{10};
// Changes that come together are told together.
constexpr std::chrono::milliseconds kTellPause{2};
constexpr std::chrono::milliseconds kQuiet{500};

struct Member {
    UniqueFd socket;
    std::optional<PollLoop::Token> token;
    std::optional<std::uint32_t> id;  // in the network
    IpAddress address;
    std::vector<std::uint32_t> ports;
    bool wants_names = false;
    bool is_behind = false;  // has not heard of the last change
};

class Holder {
  public:
    Holder(const std::string& directory, const std::string& id, const NetworkPlan& plan)
        : dir_(base::open_dir(directory)),
          id_(id),
          lock_(base::FileLock::try_acquire(dir_.get(), id.substr(0, 32) + ".lock",
                                            base::LockMode::exclusive)),
          plan_(plan) {}

    int run() {
        if (!lock_) return 1;
        listen();
        loop_.save_memory_after(kQuiet);
        loop_.on_signals({SIGHUP, SIGINT, SIGQUIT, SIGPIPE}, [](const signalfd_siginfo&) {});
        (void)raw::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>("sandbox-network"));
        confine_holder();
        UniqueFd ready(kReadyFd);
        const char word = 'r';
        (void)raw::write(ready.get(), &word, 1);  // who started us may be gone
        ready.reset();
        idle_timer_ = loop_.add_timer(kFirstPatience, kOnce, [this] {
            idle_timer_.reset();
            if (members_.empty()) end();
        });
        loop_.run();
        return 0;
    }

  private:
    void listen();
    void accept_one();
    void read(Member& member);
    json::Value serve(Member& member, const json::Value& request, const Descriptors& fds);
    json::Value serve_faults(const json::Value& request);
    json::Value enter(Member& member, const json::Value& request);
    [[nodiscard]] json::Value names() const;
    void join(const Member& member, bool itself, int netns_fd);
    void publish(Member& member, const json::Value& request, int socket_fd);
    void leave(Member& member);
    [[nodiscard]] bool is_last(const Member& leaving) const;
    void drop(Member& member);
    void changed();
    void tell_all();
    void end();

    UniqueFd dir_;
    std::string id_;
    std::optional<base::FileLock> lock_;
    NetworkPlan plan_;
    PollLoop loop_;
    UniqueFd listener_;
    std::optional<PollLoop::Token> listener_token_, idle_timer_, tell_timer_;
    std::optional<ProjectNetwork> network_;
    std::optional<Gateway> gateway_;
    std::optional<Faults> faults_;
    std::map<Member*, std::unique_ptr<Member>> members_;
};

void Holder::listen() {
    const std::string path = wire::socket_path(dir_.get(), id_);
    (void)::unlink(path.c_str());  // of one that was killed
    listener_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener_) throw SysError(errno, "make a socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    constexpr int kBacklog = 512;
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), kBacklog) != 0) {
        throw SysError(errno, "make the network's socket");
    }
    listener_token_ =
        loop_.add_fd(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_one(); });
}

void Holder::accept_one() {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        (peer.uid != ::geteuid() && peer.uid != 0)) {
        return;
    }
    constexpr int kBufferBytes = 1 << 20;
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kBufferBytes, sizeof kBufferBytes);
    auto member = std::make_unique<Member>();
    Member* const key = member.get();
    member->socket = std::move(socket);
    member->token =
        loop_.add_fd(member->socket.get(), EPOLLIN, [this, key](std::uint32_t) { read(*key); });
    members_.emplace(key, std::move(member));
}

void Holder::read(Member& member) {
    Message message;
    try {
        message = receive_message(member.socket.get());
    } catch (const SysError& error) {
        if (error.errnum() == EAGAIN) return;
    }
    if (message.text.empty()) return drop(member);
    json::Value answer;
    try {
        answer = serve(member, json::parse(message.text), message.fds);
    } catch (const base::Error& error) {
        answer = json::Object{
            {"error", error.message()}, {"hint", error.hint()}, {"code", error.code()}};
    }
    try {
        send_message(member.socket.get(), json::dump(answer));
    } catch (const SysError&) {
        drop(member);  // it does not read, or is gone
    }
}

json::Value Holder::serve(Member& member, const json::Value& request, const Descriptors& fds) {
    const std::string op = request.string_or("op");
    if (op == "fault" || op == "faults") return serve_faults(request);
    if (op == "enter" && !member.id) return enter(member, request);
    if (!member.id) throw base::Error("the network does not know this container yet");
    const int fd = fds.empty() ? -1 : fds.front().get();
    if (op == "join" && fd >= 0) {
        join(member, request["itself"].is_true(), fd);
        if (member.wants_names) return names();
    } else if (op == "publish" && fd >= 0) {
        publish(member, request, fd);
    } else if (op == "lead_out" && fd >= 0) {
        network_->lead_out(*member.id, fd);
    } else if (op == "want_names") {
        member.wants_names = true;
        changed();
        return names();
    } else if (op == "leave") {
        leave(member);
        changed();
    } else if (op == "names") {
        network_->set_names(*member.id, request["names"].strings());
        changed();
    } else if (op == "view") {
        network_->set_view(*member.id, wire::names_from_json(request["others"]));
        if (gateway_) gateway_->update();
    } else {
        throw base::Error("the network's holder does not know \"" + op + "\"",
                          "another version of sandbox started it: restart its containers");
    }
    return json::Object{};
}

// Not by a container's supervisor, but by whoever may reach the socket.
json::Value Holder::serve_faults(const json::Value& request) {
    if (request.string_or("op") == "fault") {
        if (!network_ || !gateway_) throw base::Error("nobody is on the network");
        if (!faults_) faults_.emplace(*network_);
        faults_->set(wire::fault_from_json(request));
        return json::Object{};
    }
    json::Array all;
    if (faults_) {
        for (const NetworkFault& fault : faults_->all()) all.push_back(wire::fault_to_json(fault));
    }
    return json::Object{{"faults", std::move(all)}};
}

json::Value Holder::enter(Member& member, const json::Value& request) {
    const AttachPlan wish = wire::wish_from_json(request);
    if (!network_) network_.emplace(ProjectNetwork::begin(plan_));
    const Attachment attachment = network_->reserve(wish);
    member.id = attachment.id;
    member.address = attachment.address_v4;
    member.wants_names = request["wants_names"].is_true();
    return wire::attachment_to_json(attachment);
}

// Those of this moment, for who must not wait for the next news of them.
json::Value Holder::names() const {
    return json::Object{{"others", wire::names_to_json(network_->members())}};
}

void Holder::join(const Member& member, bool itself, int netns_fd) {
    network_->link(*member.id, netns_fd, itself);
    if (!gateway_) gateway_.emplace(*network_, loop_);
    if (faults_) faults_->refresh();
    changed();
}

void Holder::publish(Member& member, const json::Value& request, int socket_fd) {
    HostPort port;
    port.wish.transport = request.string_or("transport") == "udp" ? Transport::udp : Transport::tcp;
    port.wish.container_port = static_cast<std::uint16_t>(request["port"].try_u64().value_or(0));
    port.socket.reset(raw::fcntl(socket_fd, F_DUPFD_CLOEXEC, 0));
    if (!gateway_) throw base::Error("a port needs a container that is joined");
    member.ports.push_back(gateway_->publish(std::move(port), member.address));
}

void Holder::leave(Member& member) {
    if (gateway_) {
        for (const std::uint32_t port : member.ports) gateway_->unpublish(port);
    }
    member.ports.clear();
    if (!member.id) return;
    try {
        network_->detach(*std::exchange(member.id, std::nullopt));
    } catch (const base::Error& error) {
        base::log::warning(error.message());
    }
    if (faults_) faults_->refresh();
}

// The kernel takes some 30 ms for each link that is removed, none of which anybody needs when all
// go at once: the links end with the network.
bool Holder::is_last(const Member& leaving) const {
    for (const auto& [key, member] : members_) {
        if (key == &leaving) continue;
        pollfd end{member->socket.get(), POLLRDHUP, 0};
        if (::poll(&end, 1, 0) <= 0 || (end.revents & (POLLRDHUP | POLLHUP)) == 0) return false;
    }
    return true;
}

void Holder::drop(Member& member) {
    loop_.remove(*member.token);
    if (is_last(member)) return end();
    leave(member);
    members_.erase(&member);
    changed();
}

void Holder::changed() {
    if (gateway_) gateway_->update();
    bool any = false;
    for (const auto& [key, member] : members_) {
        member->is_behind = member->wants_names;
        any = any || member->is_behind;
    }
    if (!any || tell_timer_) return;
    tell_timer_ = loop_.add_timer(kTellPause, kOnce, [this] {
        tell_timer_.reset();
        tell_all();
    });
}

void Holder::tell_all() {
    const std::string text = json::dump(
        json::Object{{"event", "names"}, {"others", wire::names_to_json(network_->members())}});
    bool again = false;
    for (const auto& [key, member] : members_) {
        if (!member->is_behind) continue;
        try {
            send_message(member->socket.get(), text);
            member->is_behind = false;
        } catch (const SysError& error) {
            again = again || error.errnum() == EAGAIN;  // a dead one's end is heard anyway
        }
    }
    if (!again) return;
    constexpr std::chrono::milliseconds kLater{100};
    tell_timer_ = loop_.add_timer(kLater, kOnce, [this] {
        tell_timer_.reset();
        tell_all();
    });
}

void Holder::end() {
    if (!listener_) return;  // twice in one turn of the loop
    (void)::unlink(wire::socket_path(dir_.get(), id_).c_str());
    // Who is in the queue sees the end and starts another holder.
    if (listener_token_) loop_.remove(*std::exchange(listener_token_, std::nullopt));
    listener_.reset();
    loop_.stop();
}

}  // namespace

int run_holder(const std::string& directory, const std::string& id,
               const std::string& plan) noexcept {
    try {
        return Holder(directory, id, decode_plan(plan)).run();
    } catch (const std::exception& error) {
        base::log::warning(error.what());
        return 1;
    }
}

}  // namespace sandbox::net
