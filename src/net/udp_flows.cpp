// Theory. The packet filter hands every datagram of a container to one transparent socket, which
// tells the original destination. A flow is a socket on the host that is connected to it; answers
// go in as packets with the foreign address as their source. What answers a published port's client
// is not a flow's: that is asked first.
#include "net/udp_flows.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "net/datagrams.hpp"
#include "net/tcp_gate.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;
using std::chrono::seconds;

// RFC 4787: at least two minutes once both sides have spoken; a question without an answer, and a
// lookup of a name, is over sooner.
constexpr seconds kAnswered{180}, kUnanswered{30}, kName{10};
constexpr size_t kMostFlows = 4096;
constexpr int kDatagramsPerRound = 64;

}  // namespace

class UdpFlows::Inside final : public Watcher {
  public:
    Inside(UdpFlows& flows, int fd) : flows_(flows), fd_(fd) {
        flows_.loop_.watch(fd, EPOLLIN, *this);
    }
    ~Inside() { flows_.loop_.forget(fd_, *this); }
    void on_events(std::uint32_t) override { flows_.receive_inside(fd_); }

  private:
    UdpFlows& flows_;
    int fd_;
};

class UdpFlows::Flow final : public Watcher {
  public:
    Flow(UdpFlows& flows, const Key& key, UniqueFd host)
        : flows_(flows), key_(key), host_(std::move(host)), last_use_(Clock::now()) {
        flows_.loop_.watch(host_.get(), EPOLLIN, *this);
    }
    ~Flow() { flows_.loop_.forget(host_.get(), *this); }
    void send(ByteView payload) {
        last_use_ = Clock::now();
        constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
        if (::send(host_.get(), payload.data(), payload.size(), kFlags) >= 0) return;
        tell(errno);
        // udp(7): that was about an earlier one, and this one has not been sent.
        if (errno == ECONNREFUSED) {
            (void)::send(host_.get(), payload.data(), payload.size(), kFlags);
        }
    }
    void on_events(std::uint32_t) override {
        for (int i = 0; i < kDatagramsPerRound; ++i) {
            const ssize_t got =
                ::recv(host_.get(), flows_.buffer_.data(), flows_.buffer_.size(), 0);
            if (got < 0) return tell(errno);
            last_use_ = Clock::now();
            answered_ = true;
            send_raw(flows_.sockets_,
                     make_datagram(key_.to, key_.from,
                                   {flows_.buffer_.data(), static_cast<size_t>(got)}),
                     key_.from.address);
        }
    }
    [[nodiscard]] bool is_over(Clock::time_point now) const noexcept {
        const seconds time = key_.to.port == kDnsPort ? kName : answered_ ? kAnswered : kUnanswered;
        return now - last_use_ > time;
    }
    [[nodiscard]] Clock::time_point last_use() const noexcept { return last_use_; }

  private:
    void tell(int error) {
        Unreachable why = Unreachable::port;
        if (error == EHOSTUNREACH) why = Unreachable::host;
        if (error == ENETUNREACH) why = Unreachable::network;
        if (error != ECONNREFUSED && why == Unreachable::port) return;
        send_raw(flows_.sockets_, make_datagram_unreachable(key_.to, key_.from, why),
                 key_.from.address);
    }
    UdpFlows& flows_;
    Key key_;
    UniqueFd host_;
    Clock::time_point last_use_;
    bool answered_ = false;
};

UdpFlows::UdpFlows(EventLoop& loop, const InsideSockets& sockets, const ReachPolicy& policy,
                   UdpPorts& ports, std::vector<std::uint8_t>& buffer)
    : loop_(loop), sockets_(sockets), policy_(policy), ports_(ports), buffer_(buffer) {
    inside_.push_back(std::make_unique<Inside>(*this, sockets.v4.udp.get()));
    if (sockets.v6.exists()) {
        inside_.push_back(std::make_unique<Inside>(*this, sockets.v6.udp.get()));
    }
    loop_.on_tick([this](Clock::time_point now) { return tick(now); });
}

UdpFlows::~UdpFlows() = default;

void UdpFlows::receive_inside(int fd) {
    for (int i = 0; i < kDatagramsPerRound; ++i) {
        const auto datagram = receive_datagram(fd, buffer_);
        if (!datagram) return;
        if (!is_from_inside(policy_, datagram->from.address)) continue;
        const Key key{datagram->from, {datagram->to_address, datagram->to_port}};
        if (ports_.try_answer(key.from, key.to, datagram->payload)) continue;
        send_out(key, datagram->payload);
    }
}

void UdpFlows::send_out(const Key& key, ByteView payload) {
    if (const auto found = flows_.find(key); found != flows_.end()) {
        return found->second->send(payload);
    }
    const Reach reach = decide_reach(policy_, key.from.address, key.to);
    UniqueFd host;
    if (reach.answer == Reach::Answer::go) {
        host.reset(::socket(reach.to.address.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!host && is_short_of_resources(errno)) return;  // lost, as datagrams may be
    }
    const int rc = host ? start_connect(host.get(), reach.to) : -ENETUNREACH;
    if (rc < 0) {
        Unreachable why = Unreachable::network;
        if (reach.answer == Reach::Answer::prohibited) why = Unreachable::prohibited;
        if (reach.answer == Reach::Answer::refused) why = Unreachable::port;
        return send_raw(sockets_, make_datagram_unreachable(key.to, key.from, why),
                        key.from.address);
    }
    if (flows_.size() >= kMostFlows) {
        flows_.erase(std::min_element(flows_.begin(), flows_.end(), [](auto& a, auto& b) {
            return a.second->last_use() < b.second->last_use();
        }));
    }
    auto flow = std::make_unique<Flow>(*this, key, std::move(host));
    flow->send(payload);
    flows_.emplace(key, std::move(flow));
    loop_.want_ticks();
}

bool UdpFlows::tick(Clock::time_point now) {
    std::erase_if(flows_, [now](const auto& entry) { return entry.second->is_over(now); });
    return !flows_.empty();
}

}  // namespace sandbox::net
