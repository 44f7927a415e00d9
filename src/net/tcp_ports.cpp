#include "net/tcp_ports.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "net/port_targets.hpp"
#include "net/tcp_gate.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;

constexpr int kAcceptsPerRound = 32;
constexpr size_t kMostWaiting = 1024;

}  // namespace

class TcpPorts::Listener final : public Watcher {
  public:
    Listener(TcpPorts& ports, UniqueFd fd, const Endpoint& its_target)
        : target(its_target), ports_(ports), fd_(std::move(fd)) {
        ports_.loop_.watch(fd_.get(), EPOLLIN, *this);
    }
    ~Listener() { ports_.loop_.forget(fd_.get(), *this); }
    void on_events(std::uint32_t) override {
        if (!ports_.accept_all(fd_.get(), target)) ports_.loop_.pause(fd_.get(), EPOLLIN, *this);
    }
    Endpoint target;

  private:
    TcpPorts& ports_;
    UniqueFd fd_;
};

class TcpPorts::Attempt final : public Watcher {
  public:
    Attempt(TcpPorts& ports, Client client, UniqueFd inside)
        : ports_(ports), client_(std::move(client)), inside_(std::move(inside)) {
        ports_.loop_.watch(inside_.get(), EPOLLOUT | EPOLLET, *this);
    }
    ~Attempt() { ports_.loop_.forget(inside_.get(), *this); }
    void on_events(std::uint32_t) override {
        if (!client_.fd) return;
        finish(take_error(inside_.get()));
    }
    void finish(int error) {
        ports_.loop_.forget(inside_.get(), *this);
        if (error == ECONNREFUSED && client_.second) {
            client_.target = *std::exchange(client_.second, std::nullopt);
            ports_.waiting_.push_back(std::move(client_));
            ports_.serve_waiting();
        } else if (error != 0) {
            close_with_reset(std::move(client_.fd));
        } else {
            ports_.flows_.add(std::move(client_.fd), std::move(inside_));
        }
        ports_.end(*this);
    }

  private:
    TcpPorts& ports_;
    Client client_;
    UniqueFd inside_;
};

TcpPorts::TcpPorts(EventLoop& loop, const ReachPolicy& policy, TcpFlows& flows, int maker_fd)
    : loop_(loop),
      policy_(policy),
      flows_(flows),
      stock_(loop, maker_fd, [this] { serve_waiting(); }) {
    loop_.on_tick([this](Clock::time_point) { return tick(); });
}

TcpPorts::~TcpPorts() = default;

void TcpPorts::add(std::uint32_t id, UniqueFd listener, const Endpoint& target) {
    if (const auto found = listeners_.find(id); found != listeners_.end()) {
        found->second->target = target;
        return;
    }
    listeners_.emplace(id, std::make_unique<Listener>(*this, std::move(listener), target));
}

void TcpPorts::remove(std::uint32_t id) {
    listeners_.erase(id);
}

bool TcpPorts::accept_all(int listener_fd, const Endpoint& target) {
    bool able = true;
    for (int i = 0; i < kAcceptsPerRound && waiting_.size() < kMostWaiting; ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        Client client;
        client.fd.reset(::accept4(listener_fd, reinterpret_cast<sockaddr*>(&peer), &size,
                                  SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!client.fd) {
            // Out of descriptors: the client waits in the queue until a flow ends.
            able = !is_short_of_resources(errno);
            break;
        }
        client.address = from_sockaddr(peer).address;
        const PortTargets targets = choose_targets(policy_, client.address, target);
        client.target = targets.first;
        client.second = targets.second;
        waiting_.push_back(std::move(client));
    }
    serve_waiting();
    return able && waiting_.size() < kMostWaiting;
}

void TcpPorts::serve_waiting() {
    while (!waiting_.empty()) {
        UniqueFd inside = stock_.take(waiting_.front().target.address.family);
        if (!inside) return loop_.want_ticks();
        Client client = std::move(waiting_.front());
        waiting_.pop_front();
        connect_inside(std::move(client), std::move(inside));
    }
}

void TcpPorts::connect_inside(Client client, UniqueFd inside) {
    sockaddr_storage from{};
    const socklen_t size =
        to_sockaddr({address_inside(policy_, client.address, client.target.address), 0}, from);
    if (::bind(inside.get(), reinterpret_cast<const sockaddr*>(&from), size) != 0) {
        return close_with_reset(std::move(client.fd));
    }
    const int rc = start_connect(inside.get(), client.target);
    auto attempt = std::make_unique<Attempt>(*this, std::move(client), std::move(inside));
    Attempt& started = *attempt;
    attempts_.emplace(&started, std::move(attempt));
    if (rc != -EINPROGRESS) started.finish(-rc);
}

void TcpPorts::end(Attempt& attempt) {
    const auto found = attempts_.find(&attempt);
    ended_.push_back(std::move(found->second));  // it is on the stack
    attempts_.erase(found);
    loop_.want_ticks();
}

bool TcpPorts::tick() {
    ended_.clear();
    serve_waiting();  // sockets of the maker may have been lost for want of descriptors
    return !waiting_.empty();
}

}  // namespace sandbox::net
