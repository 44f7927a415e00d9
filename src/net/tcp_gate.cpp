// Theory. The packet filter drops every SYN of a container; a packet socket on the bridge has shown
// it to us. We connect on the host. When that
//   succeeds: the very SYN goes in again, through a veth pair whose far end is in the same
//     namespace. SYNs from there are let through to the transparent listener; the handshake with
//     the container is the kernel's own, and accept() tells us by the four addresses which of our
//     host sockets belongs to it.
//   is refused: the container gets a reset that acknowledges its SYN.
//   is unreachable: it gets the ICMP message.
//   times out, or no port is free here for the moment: nothing is sent. The container sends its SYN
//   again in its own time, and gives up in
//     its own time.
#include "net/tcp_gate.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "sandbox/base/error.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;
using std::chrono::seconds;

// From the injected SYN to accept(): between two kernels, but we may be slow to be scheduled. A SYN
// that comes again later begins anew.
constexpr seconds kAcceptTime{8};
constexpr size_t kMostAttempts = 16 * 1024;
constexpr int kAcceptsPerRound = 64;

// Not the destination's fault, and over soon.
bool is_passing(int errnum) noexcept {
    return is_short_of_resources(errnum) || errnum == EAGAIN;
}

Unreachable reason_of(int errnum) noexcept {
    switch (errnum) {
        case ENETUNREACH:
        case EADDRNOTAVAIL:  // IPv6 is switched off on the host
            return Unreachable::network;
        case EHOSTUNREACH:
        case EHOSTDOWN:
            return Unreachable::host;
        default:
            return Unreachable::prohibited;
    }
}

}  // namespace

int start_connect(int fd, const Endpoint& to) noexcept {
    sockaddr_storage address{};
    const socklen_t size = to_sockaddr(to, address);
    const int rc = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), size);
    return rc == 0 ? 0 : -errno;
}

// connect(2) over IPv4; over IPv6 it says the same when the host has no address at all.
bool is_out_of_ports(int errnum, const Endpoint& to) noexcept {
    return errnum == EADDRNOTAVAIL && !to.address.is_v6();
}

class TcpGate::Attempt final : public Watcher {
  public:
    Attempt(TcpGate& gate, Key key, Bytes syn, std::uint32_t sequence, UniqueFd host)
        : key_(key),
          gate_(gate),
          syn_(std::move(syn)),
          sequence_(sequence),
          host_(std::move(host)) {
        gate_.loop_.watch(host_.get(), EPOLLOUT | EPOLLET, *this);
    }
    ~Attempt() { close(); }

    void on_events(std::uint32_t) override {
        if (done_ || answered_) return;
        finish(take_error(host_.get()));
    }
    void finish(int error) {
        if (error == 0) return let_through();
        const auto packet = parse_packet(syn_);
        if (packet && error == ECONNREFUSED) {
            send_raw(gate_.sockets_, make_reset(*packet), key_.from.address);
        } else if (packet && error != ETIMEDOUT && !is_out_of_ports(error, key_.to) &&
                   !is_passing(error)) {
            send_raw(gate_.sockets_, make_unreachable(syn_, *packet, reason_of(error)),
                     key_.from.address);
        }
        close();
        gate_.forget(key_);
    }
    // False: it opens another connection of the same addresses, whose client has given this one up.
    [[nodiscard]] bool takes_repeated_syn(Bytes syn, std::uint32_t sequence) {
        if (sequence != sequence_ && answered_) return false;
        syn_ = std::move(syn);
        sequence_ = sequence;
        if (answered_) let_through();
        return true;
    }
    // The object may be needed for a moment more, its descriptor is not. Of a connection that
    // nobody has taken the server learns at once.
    void close() noexcept {
        done_ = true;
        if (!host_) return;
        gate_.loop_.forget(host_.get(), *this);
        close_with_reset(std::move(host_));
    }
    [[nodiscard]] bool is_late(Clock::time_point now) const noexcept {
        return answered_ && now > deadline_;
    }
    [[nodiscard]] UniqueFd take_host_socket() noexcept {
        gate_.loop_.forget(host_.get(), *this);
        return std::move(host_);
    }

  private:
    void let_through() {
        answered_ = true;
        deadline_ = Clock::now() + kAcceptTime;
        inject(gate_.sockets_, syn_, key_.from.address.is_v6());
    }

    Key key_;
    TcpGate& gate_;
    Bytes syn_;
    std::uint32_t sequence_;
    UniqueFd host_;
    Clock::time_point deadline_{};
    bool answered_ = false;
    bool done_ = false;
};

class TcpGate::Listener final : public Watcher {
  public:
    Listener(TcpGate& gate, int fd) : gate_(gate), fd_(fd) {
        gate_.loop_.watch(fd, EPOLLIN, *this);
    }
    ~Listener() { gate_.loop_.forget(fd_, *this); }
    void on_events(std::uint32_t) override {
        if (!gate_.accept_all(fd_)) gate_.loop_.pause(fd_, EPOLLIN, *this);
    }

  private:
    TcpGate& gate_;
    int fd_;
};

TcpGate::TcpGate(EventLoop& loop, const InsideSockets& sockets, const ReachPolicy& policy,
                 TcpFlows& flows)
    : loop_(loop), sockets_(sockets), policy_(policy), flows_(flows) {
    listeners_.push_back(std::make_unique<Listener>(*this, sockets.v4.tcp.get()));
    if (sockets.v6.exists()) {
        listeners_.push_back(std::make_unique<Listener>(*this, sockets.v6.tcp.get()));
    }
    loop_.on_tick([this](Clock::time_point now) { return tick(now); });
}

TcpGate::~TcpGate() = default;

void TcpGate::on_syn(ByteView bytes, const Packet& packet) {
    if (packet.to.port == kDnsPort &&
        (packet.to.address == policy_.gateway_v4 || packet.to.address == policy_.gateway_v6)) {
        return;  // the kernel has given it to the name server
    }
    Bytes syn(bytes.begin(), bytes.end());
    finish_tcp_checksum(syn, packet);
    const Key key{packet.from, packet.to};
    if (const auto found = attempts_.find(key); found != attempts_.end()) {
        if (found->second->takes_repeated_syn(syn, packet.sequence)) return;
        found->second->close();
        forget(key);
    }
    const Reach reach = decide_reach(policy_, packet.from.address, packet.to);
    if (reach.answer != Reach::Answer::go) return refuse(bytes, packet, reach.answer);
    if (attempts_.size() >= kMostAttempts) return;
    UniqueFd host(::socket(reach.to.address.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // No descriptors left: the SYN will come again. No such family on the host: no way there.
    if (!host && errno != EAFNOSUPPORT) return;
    if (!host) return refuse(bytes, packet, Reach::Answer::no_route);
    set_congestion_control(host.get(), reach.to.address);
    int rc = start_connect(host.get(), reach.to);
    if (rc == -EINPROGRESS) {
        // A message about the SYN which came while connect(2) had the socket, and which the kernel
        // would only tell at the next SYN's (sock_getsockopt(), sk_err_soft).
        const int error = take_error(host.get());
        if (error != 0) rc = -error;
    }
    auto attempt =
        std::make_unique<Attempt>(*this, key, std::move(syn), packet.sequence, std::move(host));
    Attempt& started = *attempt;
    attempts_.emplace(key, std::move(attempt));
    loop_.want_ticks();
    if (rc != -EINPROGRESS) started.finish(-rc);
}

void TcpGate::refuse(ByteView bytes, const Packet& packet, Reach::Answer answer) {
    const Bytes reply =
        answer == Reach::Answer::refused
            ? make_reset(packet)
            : make_unreachable(bytes, packet,
                               answer == Reach::Answer::no_route ? Unreachable::network
                                                                 : Unreachable::prohibited);
    send_raw(sockets_, reply, packet.from.address);
}

void TcpGate::forget(const Key& key) {
    const auto found = attempts_.find(key);
    if (found == attempts_.end()) return;
    ended_.push_back(std::move(found->second));  // it may be on the stack
    attempts_.erase(found);
    loop_.want_ticks();
}

bool TcpGate::accept_all(int listener_fd) {
    for (int i = 0; i < kAcceptsPerRound; ++i) {
        sockaddr_storage peer{}, own{};
        socklen_t peer_size = sizeof peer, own_size = sizeof own;
        UniqueFd inside(::accept4(listener_fd, reinterpret_cast<sockaddr*>(&peer), &peer_size,
                                  SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!inside) return !is_short_of_resources(errno);
        (void)::getsockname(inside.get(), reinterpret_cast<sockaddr*>(&own), &own_size);
        const Key key{from_sockaddr(peer), from_sockaddr(own)};
        const auto found = attempts_.find(key);
        if (found == attempts_.end()) {
            close_with_reset(std::move(inside));
            continue;
        }
        UniqueFd host = found->second->take_host_socket();
        forget(key);
        flows_.add(std::move(inside), std::move(host));
    }
    return true;
}

bool TcpGate::tick(Clock::time_point now) {
    ended_.clear();
    for (auto it = attempts_.begin(); it != attempts_.end();) {
        it = it->second->is_late(now) ? attempts_.erase(it) : std::next(it);
    }
    return !attempts_.empty();
}

}  // namespace sandbox::net
