#include "net/echo_flows.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "net/tcp_gate.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;

constexpr std::chrono::seconds kIdle{30};
constexpr size_t kMostFlows = 256;
constexpr size_t kEchoHead = 8;

}  // namespace

class EchoFlows::Flow final : public Watcher {
  public:
    Flow(EchoFlows& flows, const Key& key, UniqueFd host)
        : flows_(flows), key_(key), host_(std::move(host)), last_use_(Clock::now()) {
        flows_.loop_.watch(host_.get(), EPOLLIN, *this);
    }
    ~Flow() { flows_.loop_.forget(host_.get(), *this); }
    void send(ByteView message) {
        last_use_ = Clock::now();
        // The kernel puts its own id and checksum in. Lost: as on a wire.
        (void)::send(host_.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    void on_events(std::uint32_t) override {
        for (;;) {
            const ssize_t got =
                ::recv(host_.get(), flows_.buffer_.data(), flows_.buffer_.size(), MSG_DONTWAIT);
            if (got < static_cast<ssize_t>(kEchoHead)) return;
            send_raw(flows_.sockets_,
                     make_echo_reply({key_.to, 0}, key_.from,
                                     {flows_.buffer_.data(), static_cast<size_t>(got)}),
                     key_.from.address);
        }
    }
    [[nodiscard]] bool is_over(Clock::time_point now) const noexcept {
        return now - last_use_ > kIdle;
    }
    [[nodiscard]] Clock::time_point last_use() const noexcept { return last_use_; }

  private:
    EchoFlows& flows_;
    Key key_;
    UniqueFd host_;
    Clock::time_point last_use_;
};

EchoFlows::EchoFlows(EventLoop& loop, const InsideSockets& sockets, const ReachPolicy& policy,
                     std::vector<std::uint8_t>& buffer)
    : loop_(loop), sockets_(sockets), policy_(policy), buffer_(buffer) {
    loop_.on_tick([this](Clock::time_point now) { return tick(now); });
}

EchoFlows::~EchoFlows() = default;

void EchoFlows::on_request(ByteView bytes, const Packet& packet) {
    if (packet.to.address == policy_.gateway_v4 || packet.to.address == policy_.gateway_v6) return;
    const Key key{{packet.from.address, packet.echo_id}, packet.to.address};
    const ByteView message = bytes.subspan(packet.body, packet.size - packet.body);
    if (const auto found = flows_.find(key); found != flows_.end()) {
        return found->second->send(message);
    }
    const Reach reach = decide_reach(policy_, packet.from.address, packet.to);
    UniqueFd host;
    int rc = -EACCES;
    if (reach.answer == Reach::Answer::go) {
        const int protocol = key.to.is_v6() ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP};
        host.reset(::socket(key.to.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
        rc = host ? start_connect(host.get(), reach.to) : -EACCES;
    }
    if (rc < 0) {
        const bool no_way = rc == -ENETUNREACH || reach.answer == Reach::Answer::no_route;
        return send_raw(sockets_,
                        make_unreachable(bytes, packet,
                                         no_way ? Unreachable::network : Unreachable::prohibited),
                        packet.from.address);
    }
    if (flows_.size() >= kMostFlows) {
        flows_.erase(std::min_element(flows_.begin(), flows_.end(), [](auto& a, auto& b) {
            return a.second->last_use() < b.second->last_use();
        }));
    }
    auto flow = std::make_unique<Flow>(*this, key, std::move(host));
    flow->send(message);
    flows_.emplace(key, std::move(flow));
    loop_.want_ticks();
}

bool EchoFlows::tick(Clock::time_point now) {
    std::erase_if(flows_, [now](const auto& entry) { return entry.second->is_over(now); });
    return !flows_.empty();
}

}  // namespace sandbox::net
