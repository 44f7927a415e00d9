#include "engine/control/server.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "engine/control/packet.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {

namespace json = base::json;
using base::PollLoop;
using base::UniqueFd;

struct ControlCall::Connection {
    UniqueFd socket;
    std::optional<PollLoop::Token> token;
    std::function<void()> hangup;  // of the call that waits for its answer
};

namespace {

json::Value error_answer(const base::Error& error) {
    return json::Object{{"error", error.message()}, {"hint", error.hint()}, {"code", error.code()}};
}

void answer(ControlCall::Connection& connection, const json::Value& value,
            std::span<const int> fds) noexcept {
    connection.hangup = nullptr;
    try {
        if (control::send_packet(connection.socket.get(), value, fds)) return;
    } catch (const std::exception& error) {
        base::log::debug(error.what());
    }
    // Who does not read sees the end of its connection.
    (void)::shutdown(connection.socket.get(), SHUT_RDWR);
}

}  // namespace

ControlCall::ControlCall(std::weak_ptr<Connection> connection, json::Value request,
                         std::vector<UniqueFd> fds) noexcept
    : connection_(std::move(connection)),
      request_(std::move(request)),
      fds_(std::move(fds)),
      exceptions_(std::uncaught_exceptions()) {}

ControlCall::ControlCall(ControlCall&& other) noexcept
    : connection_(std::exchange(other.connection_, {})),
      request_(std::move(other.request_)),
      fds_(std::move(other.fds_)),
      exceptions_(other.exceptions_) {}

ControlCall& ControlCall::operator=(ControlCall&& other) noexcept {
    if (this != &other) {
        ControlCall former(std::move(*this));
        connection_ = std::exchange(other.connection_, {});
        request_ = std::move(other.request_);
        fds_ = std::move(other.fds_);
        exceptions_ = other.exceptions_;
    }
    return *this;
}

ControlCall::~ControlCall() {
    // An exception is on its way to the server, which makes the answer of it.
    if (std::uncaught_exceptions() > exceptions_) return;
    if (!connection_.expired()) fail(base::Error("the container's supervisor gave no answer"));
}

void ControlCall::reply(const json::Value& value, std::span<const int> fds) noexcept {
    if (const auto connection = std::exchange(connection_, {}).lock()) {
        answer(*connection, value, fds);
    }
}

void ControlCall::fail(const base::Error& error) noexcept {
    reply(error_answer(error));
}

void ControlCall::on_hangup(std::function<void()> handler) {
    if (const auto connection = connection_.lock()) connection->hangup = std::move(handler);
}

struct ControlServer::Impl {
    using Connection = ControlCall::Connection;

    PollLoop& loop;
    // Its own: whoever serves outlives the container's descriptor when the container is removed,
    // and that number may be another directory's by then.
    UniqueFd dir;
    UniqueFd listener;
    std::optional<PollLoop::Token> listener_token;
    std::optional<PollLoop::Token> pause_token;
    std::map<std::string, std::function<void(ControlCall)>, std::less<>> handlers;
    std::map<Connection*, std::shared_ptr<Connection>> connections;

    Impl(PollLoop& poll_loop, int container_dir_fd)
        : loop(poll_loop), dir(base::raw::fcntl(container_dir_fd, F_DUPFD_CLOEXEC, 3)) {
        if (!dir) throw base::SysError(EBADF, "keep the container's directory open");
    }

    void listen();
    void watch_listener();
    void accept_one();
    void pause_listening();
    void read(const std::shared_ptr<Connection>& connection);
    void serve(const std::shared_ptr<Connection>& connection, control::Packet packet);
    void drop(const std::shared_ptr<Connection>& connection);
};

void ControlServer::Impl::listen() {
    base::unlink_at(dir.get(), control::kSocketName, true);
    listener.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener) throw base::SysError(errno, "make a socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = control::address_path(dir.get());
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    constexpr int kBacklog = 128;
    // The store's directories are 0700: the socket's own mode need not keep anybody out.
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener.get(), kBacklog) != 0) {
        throw base::SysError(errno, "make the container's control socket");
    }
    watch_listener();
}

void ControlServer::Impl::watch_listener() {
    listener_token = loop.add_fd(listener.get(), EPOLLIN, [this](std::uint32_t) { accept_one(); });
}

// No descriptors are left: those who wait are heard when one is free again.
void ControlServer::Impl::pause_listening() {
    constexpr std::chrono::milliseconds kPause{100};
    if (listener_token) loop.remove(*std::exchange(listener_token, std::nullopt));
    pause_token = loop.add_timer(kPause, std::chrono::nanoseconds{0}, [this] {
        pause_token.reset();
        watch_listener();
    });
}

void ControlServer::Impl::accept_one() {
    const int fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) pause_listening();
        return;
    }
    auto connection = std::make_shared<Connection>();
    connection->socket.reset(fd);
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        (peer.uid != ::geteuid() && peer.uid != 0)) {
        return;
    }
    control::set_buffer_size(fd);
    connection->token = loop.add_fd(
        fd, EPOLLIN, [this, weak = std::weak_ptr<Connection>(connection)](std::uint32_t) {
            if (const auto locked = weak.lock()) read(locked);
        });
    connections.emplace(connection.get(), connection);
}

void ControlServer::Impl::read(const std::shared_ptr<Connection>& connection) {
    control::Packet packet;
    try {
        switch (control::receive_packet(connection->socket.get(), packet)) {
            case control::Received::nothing_yet:
                return;
            case control::Received::end:
                drop(connection);
                return;
            case control::Received::packet:
                serve(connection, std::move(packet));
                return;
        }
    } catch (const base::Error& error) {  // whoever sends what is no packet is not heard
        base::log::debug(error.message());
        drop(connection);
    }
}

void ControlServer::Impl::serve(const std::shared_ptr<Connection>& connection,
                                control::Packet packet) {
    const std::string op = packet.value.string_or("op");
    const auto found = handlers.find(op);
    try {
        if (found == handlers.end()) {
            throw base::Error("this container's supervisor does not know " + base::quote(op),
                              "another version of sandbox started it: restart the container");
        }
        found->second(ControlCall(connection, std::move(packet.value), std::move(packet.fds)));
    } catch (const base::Error& error) {
        answer(*connection, error_answer(error), {});
    }
}

void ControlServer::Impl::drop(const std::shared_ptr<Connection>& connection) {
    if (connection->token) loop.remove(*std::exchange(connection->token, std::nullopt));
    connections.erase(connection.get());
    if (const auto hangup = std::exchange(connection->hangup, nullptr)) hangup();
}

ControlServer::ControlServer(PollLoop& loop, int container_dir_fd)
    : impl_(std::make_unique<Impl>(loop, container_dir_fd)) {
    impl_->listen();
}

ControlServer::~ControlServer() {
    if (impl_->pause_token) impl_->loop.remove(*impl_->pause_token);
    if (impl_->listener_token) impl_->loop.remove(*impl_->listener_token);
    for (const auto& [key, connection] : impl_->connections) {
        if (connection->token) impl_->loop.remove(*connection->token);
    }
    // It may be gone, with its directory.
    (void)base::raw::unlinkat(impl_->dir.get(), control::kSocketName);
}

void ControlServer::on(std::string op, std::function<void(ControlCall)> handler) {
    impl_->handlers[std::move(op)] = std::move(handler);
}

}  // namespace sandbox::engine
