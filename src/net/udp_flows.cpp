// Theory. The packet filter hands every datagram of a container to one transparent socket, which
// tells the original destination. A flow is a socket on the host that is connected to it; answers
// go in as packets with the foreign address as their source. A published port is the other way
// round: a client gets an address inside, and the container's answers to it are looked up first.
#include "net/udp_flows.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "net/tcp_gate.hpp"
#include "net/tcp_ports.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;
using std::chrono::seconds;

// RFC 4787: at least two minutes once both sides have spoken; a question without an answer, and a
// lookup of a name, is over sooner.
constexpr seconds kAnswered{180}, kUnanswered{30}, kName{10};
constexpr size_t kMostFlows = 4096;
constexpr size_t kMostClients = 4096;
constexpr int kDatagramsPerRound = 64;

struct Datagram {
    ByteView payload;
    Endpoint from;
    IpAddress to_address;  // with ports: the original destination
    std::uint16_t to_port = 0;
};

// One datagram and where it was sent to; absent: no more.
std::optional<Datagram> receive(int fd, std::vector<std::uint8_t>& buffer) {
    sockaddr_storage peer{};
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr message{};
    message.msg_name = &peer;
    message.msg_namelen = sizeof peer;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0) return std::nullopt;
    Datagram datagram{{buffer.data(), static_cast<size_t>(got)}, from_sockaddr(peer), {}, 0};
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        const bool v4 = head->cmsg_level == IPPROTO_IP;
        const bool v6 = head->cmsg_level == IPPROTO_IPV6;
        if ((v4 && head->cmsg_type == IP_ORIGDSTADDR) ||
            (v6 && head->cmsg_type == IPV6_ORIGDSTADDR)) {
            sockaddr_storage to{};
            std::memcpy(&to, CMSG_DATA(head), v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
            const Endpoint endpoint = from_sockaddr(to);
            datagram.to_address = endpoint.address;
            datagram.to_port = endpoint.port;
        } else if (v4 && head->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(head), sizeof info);
            std::memcpy(datagram.to_address.bytes.data(), &info.ipi_spec_dst, 4);
        } else if (v6 && head->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(head), sizeof info);
            datagram.to_address.family = AF_INET6;
            std::memcpy(datagram.to_address.bytes.data(), &info.ipi6_addr, 16);
        }
    }
    return datagram;
}

// Sends from the very address that the client wrote to.
void send_from(int fd, const IpAddress& own, const Endpoint& to, ByteView payload) noexcept {
    sockaddr_storage peer{};
    const socklen_t size = to_sockaddr(to, peer);
    iovec part{const_cast<std::uint8_t*>(payload.data()), payload.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    msghdr message{};
    message.msg_name = &peer;
    message.msg_namelen = size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!own.is_any()) {
        message.msg_control = control.data();
        in_pktinfo v4{};
        in6_pktinfo v6{};
        std::memcpy(&v4.ipi_spec_dst, own.bytes.data(), 4);
        std::memcpy(&v6.ipi6_addr, own.bytes.data(), 16);
        const size_t length = own.is_v6() ? sizeof v6 : sizeof v4;
        message.msg_controllen = CMSG_SPACE(length);
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = own.is_v6() ? IPPROTO_IPV6 : IPPROTO_IP;
        head->cmsg_type = own.is_v6() ? IPV6_PKTINFO : IP_PKTINFO;
        head->cmsg_len = CMSG_LEN(length);
        std::memcpy(CMSG_DATA(head), own.is_v6() ? static_cast<const void*>(&v6) : &v4, length);
    }
    (void)::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);  // lost, as datagrams may be
}

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
        const ssize_t rc =
            ::send(host_.get(), payload.data(), payload.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (rc < 0) tell(errno);
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

class UdpFlows::Port final : public Watcher {
  public:
    Port(UdpFlows& flows, UniqueFd socket, const Endpoint& target)
        : target_(target), flows_(flows), socket_(std::move(socket)) {
        const int on = 1;  // without it answers leave from the route's address, mostly the same
        (void)::setsockopt(socket_.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
        (void)::setsockopt(socket_.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
        flows_.loop_.watch(socket_.get(), EPOLLIN, *this);
    }
    ~Port() {
        flows_.loop_.forget(socket_.get(), *this);
        std::erase_if(flows_.answers_, [this](const auto& entry) { return entry.second == this; });
    }
    void on_events(std::uint32_t) override {
        for (int i = 0; i < kDatagramsPerRound; ++i) {
            const auto datagram = receive(socket_.get(), flows_.buffer_);
            if (!datagram) return;
            const auto found = find_or_add(datagram->from, datagram->to_address);
            if (found == clients_.end()) continue;
            found->second.last_use = Clock::now();
            send_raw(flows_.sockets_,
                     make_datagram(found->second.inside, target_, datagram->payload),
                     target_.address);
        }
    }
    void answer(const Endpoint& inside, ByteView payload) {
        for (auto& [client, state] : clients_) {
            if (state.inside != inside) continue;
            state.last_use = Clock::now();
            return send_from(socket_.get(), state.own, client, payload);
        }
    }
    void drop_old(Clock::time_point now) {
        std::erase_if(clients_, [&](const auto& entry) {
            if (now - entry.second.last_use <= kAnswered) return false;
            flows_.answers_.erase(Key{target_, entry.second.inside});
            return true;
        });
    }
    [[nodiscard]] bool is_idle() const noexcept { return clients_.empty(); }

  private:
    struct Client {
        Endpoint inside;
        IpAddress own;  // the host's address it wrote to
        Clock::time_point last_use;
    };
    std::map<Endpoint, Client>::iterator find_or_add(const Endpoint& from, const IpAddress& own) {
        if (const auto found = clients_.find(from); found != clients_.end()) return found;
        if (clients_.size() >= kMostClients) return clients_.end();
        Client client{{address_inside(flows_.policy_, from.address, target_.address), from.port},
                      own,
                      Clock::now()};
        // Two clients of the host's loopback may have the same port, in two families.
        for (int tries = 0; flows_.answers_.contains(Key{target_, client.inside}); ++tries) {
            if (tries > 100) return clients_.end();
            client.inside.port =
                static_cast<std::uint16_t>(1024 + (client.inside.port + 7919) % 64000);
        }
        flows_.answers_.emplace(Key{target_, client.inside}, this);
        flows_.loop_.want_ticks();
        return clients_.emplace(from, client).first;
    }
    Endpoint target_;
    UdpFlows& flows_;
    UniqueFd socket_;
    std::map<Endpoint, Client> clients_;
};

UdpFlows::UdpFlows(EventLoop& loop, const InsideSockets& sockets, const ReachPolicy& policy,
                   std::vector<std::uint8_t>& buffer)
    : loop_(loop), sockets_(sockets), policy_(policy), buffer_(buffer) {
    inside_.push_back(std::make_unique<Inside>(*this, sockets.v4.udp.get()));
    if (sockets.v6.exists()) {
        inside_.push_back(std::make_unique<Inside>(*this, sockets.v6.udp.get()));
    }
    loop_.on_tick([this](Clock::time_point now) { return tick(now); });
}

UdpFlows::~UdpFlows() {
    ports_.clear();
}

void UdpFlows::add_port(std::uint32_t id, UniqueFd socket, const Endpoint& target) {
    ports_.erase(id);
    ports_.emplace(id, std::make_unique<Port>(*this, std::move(socket), target));
}

void UdpFlows::remove_port(std::uint32_t id) {
    ports_.erase(id);
}

void UdpFlows::receive_inside(int fd) {
    for (int i = 0; i < kDatagramsPerRound; ++i) {
        const auto datagram = receive(fd, buffer_);
        if (!datagram) return;
        if (!is_from_inside(policy_, datagram->from.address)) continue;
        const Key key{datagram->from, {datagram->to_address, datagram->to_port}};
        if (const auto port = answers_.find(key); port != answers_.end()) {
            port->second->answer(key.to, datagram->payload);
            continue;
        }
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
    bool clients = false;
    for (const auto& [id, port] : ports_) {
        port->drop_old(now);
        clients = clients || !port->is_idle();
    }
    return !flows_.empty() || clients;
}

}  // namespace sandbox::net
