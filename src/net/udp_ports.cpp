// Theory. A client of a published port gets an address inside, its own where that can be, and a
// target, the container's address of its family. What the container sends back to the one from the
// other is its answer. Nothing tells beforehand whether a service listens in that family: if it
// does not, the container's kernel answers "port unreachable", and the client is led to the other
// family's address. Until one of the two has come, what it sent is kept, so that it is not lost.
// Kernels ration those messages, so a refusal counts for the port's other new clients, too.
#include "net/udp_ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "net/datagrams.hpp"
#include "net/port_targets.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;
using std::chrono::seconds;

// RFC 4787: at least two minutes once a client has spoken again; most ask one question.
constexpr seconds kTalking{180}, kIdle{30};
constexpr seconds kRefused{10};  // then the service may listen there after all
// A refusal takes microseconds. Who is silent longer listens, though it does not answer.
constexpr seconds kUndecided{1};
constexpr size_t kMostClients = 4096;
constexpr size_t kMostKeptBytes = 256 * 1024;  // of one port
constexpr int kDatagramsPerRound = 64;

}  // namespace

class UdpPorts::Port final : public Watcher {
  public:
    Port(UdpPorts& ports, UniqueFd socket, const Endpoint& target)
        : target_(target), ports_(ports), socket_(std::move(socket)) {
        const int on = 1;  // without it answers leave from the route's address, mostly the same
        (void)::setsockopt(socket_.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
        (void)::setsockopt(socket_.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
        ports_.loop_.watch(socket_.get(), EPOLLIN, *this);
    }
    ~Port() {
        ports_.loop_.forget(socket_.get(), *this);
        for (const auto& [address, client] : clients_) ports_.owners_.erase(client.key);
    }
    void on_events(std::uint32_t) override {
        for (int i = 0; i < kDatagramsPerRound; ++i) {
            const auto datagram = receive_datagram(socket_.get(), ports_.buffer_);
            if (!datagram) return;
            const auto found = find_or_add(*datagram);
            if (found == clients_.end()) continue;
            Client& client = found->second;
            client.is_talking = client.is_answered;
            client.last_use = Clock::now();
            keep(client, datagram->payload);
            send_in(client, datagram->payload);
        }
    }
    void answer(const Endpoint& address, ByteView payload) {
        const auto found = clients_.find(address);
        if (found == clients_.end()) return;
        Client& client = found->second;
        client.last_use = Clock::now();
        client.is_answered = true;
        decide(client);
        if (!refused_.empty()) refused_.erase(client.key.target.address);
        send_datagram_from(socket_.get(), client.own, address, payload);
    }
    void on_refused(const Endpoint& address) {
        const auto found = clients_.find(address);
        if (found == clients_.end()) return;
        const IpAddress where = found->second.key.target.address;
        const bool is_news = !is_refused(where);
        refused_[where] = Clock::now();
        lead_elsewhere(found);
        if (!is_news) return;
        for (auto each = clients_.begin(); each != clients_.end();) {
            const auto next = std::next(each);
            const bool too = each->second.key.target.address == where && !each->second.kept.empty();
            if (too) lead_elsewhere(each);
            each = next;
        }
    }
    void drop_old(Clock::time_point now) {
        for (auto each = clients_.begin(); each != clients_.end();) {
            const auto next = std::next(each);
            Client& client = each->second;
            if (!client.kept.empty() && now - client.kept_since > kUndecided) decide(client);
            if (now - client.last_use > (client.is_talking ? kTalking : kIdle)) remove(each);
            each = next;
        }
    }
    [[nodiscard]] bool is_idle() const noexcept { return clients_.empty(); }

  private:
    struct Client {
        Key key;
        std::optional<Endpoint> second;  // where it goes when it is refused
        IpAddress own;                   // the host's address it wrote to
        Clock::time_point last_use;
        bool undecided = true;
        bool is_answered = false;
        bool is_talking = false;  // it has spoken again after an answer
        std::vector<Bytes> kept{};
        Clock::time_point kept_since{};
    };
    using Clients = std::map<Endpoint, Client>;

    Clients::iterator find_or_add(const Datagram& datagram) {
        const Endpoint& from = datagram.from;
        if (const auto found = clients_.find(from); found != clients_.end()) return found;
        if (clients_.size() >= kMostClients) {
            remove(std::min_element(clients_.begin(), clients_.end(), [](auto& a, auto& b) {
                return a.second.last_use < b.second.last_use;
            }));
        }
        PortTargets targets = choose_targets(ports_.policy_, from.address, target_);
        if (targets.second && is_refused(targets.first.address) &&
            !is_refused(targets.second->address)) {
            std::swap(targets.first, *targets.second);
        }
        const auto key = try_claim(from, targets.first);
        if (!key) return clients_.end();
        Client client{*key, targets.second, datagram.to_address, Clock::now()};
        ports_.loop_.want_ticks();
        return clients_.emplace(from, std::move(client)).first;
    }
    void remove(Clients::iterator client) {
        ports_.owners_.erase(client->second.key);
        (void)take_kept(client->second);
        clients_.erase(client);
    }
    // What the client is called at that target.
    std::optional<Key> try_claim(const Endpoint& client, const Endpoint& target) {
        Key key{target,
                {address_inside(ports_.policy_, client.address, target.address), client.port}};
        // Two clients of the host's loopback may have the same port, in two families.
        constexpr int kMostTries = 100;
        for (int tries = 0; !ports_.owners_.try_emplace(key, Owner{this, client}).second; ++tries) {
            if (tries > kMostTries) return std::nullopt;
            key.inside.port = static_cast<std::uint16_t>(1024 + (key.inside.port + 7919) % 64000);
        }
        return key;
    }
    void send_in(const Client& client, ByteView payload) {
        send_raw(ports_.sockets_, make_datagram(client.key.inside, client.key.target, payload),
                 client.key.target.address);
    }
    void keep(Client& client, ByteView payload) {
        if (!client.undecided || !client.second) return;
        if (kept_bytes_ + payload.size() > kMostKeptBytes) return;
        if (client.kept.empty()) client.kept_since = Clock::now();
        client.kept.emplace_back(payload.begin(), payload.end());
        kept_bytes_ += payload.size();
    }
    std::vector<Bytes> take_kept(Client& client) noexcept {
        for (const Bytes& each : client.kept) kept_bytes_ -= each.size();
        return std::exchange(client.kept, {});
    }
    void decide(Client& client) noexcept {
        client.undecided = false;
        (void)take_kept(client);
    }
    // To the other target; from there to none, and all begins anew with its next datagram.
    void lead_elsewhere(Clients::iterator found) {
        Client& client = found->second;
        ports_.owners_.erase(client.key);
        const std::vector<Bytes> kept = take_kept(client);
        const auto key = client.second ? try_claim(found->first, *client.second) : std::nullopt;
        if (!key) {
            clients_.erase(found);
            return;
        }
        client.key = *key;
        client.second.reset();
        client.undecided = false;
        for (const Bytes& payload : kept) send_in(client, payload);
    }
    [[nodiscard]] bool is_refused(const IpAddress& address) const {
        const auto found = refused_.find(address);
        return found != refused_.end() && Clock::now() - found->second <= kRefused;
    }

    Endpoint target_;
    UdpPorts& ports_;
    UniqueFd socket_;
    Clients clients_;
    std::map<IpAddress, Clock::time_point> refused_;  // the container's addresses, and when
    size_t kept_bytes_ = 0;
};

UdpPorts::UdpPorts(EventLoop& loop, const InsideSockets& sockets, const ReachPolicy& policy,
                   std::vector<std::uint8_t>& buffer)
    : loop_(loop), sockets_(sockets), policy_(policy), buffer_(buffer) {
    loop_.on_tick([this](Clock::time_point now) { return tick(now); });
}

UdpPorts::~UdpPorts() {
    ports_.clear();
}

void UdpPorts::add(std::uint32_t id, UniqueFd socket, const Endpoint& target) {
    ports_.erase(id);
    ports_.emplace(id, std::make_unique<Port>(*this, std::move(socket), target));
}

void UdpPorts::remove(std::uint32_t id) {
    ports_.erase(id);
}

bool UdpPorts::try_answer(const Endpoint& from, const Endpoint& to, ByteView payload) {
    const auto found = owners_.find(Key{from, to});
    if (found == owners_.end()) return false;
    found->second.port->answer(found->second.client, payload);
    return true;
}

void UdpPorts::on_refused(const RefusedDatagram& refused) {
    const auto found = owners_.find(Key{refused.to, refused.from});
    if (found == owners_.end()) return;
    const Owner owner = found->second;
    owner.port->on_refused(owner.client);
}

bool UdpPorts::tick(Clock::time_point now) {
    bool clients = false;
    for (const auto& [id, port] : ports_) {
        port->drop_old(now);
        clients = clients || !port->is_idle();
    }
    return clients;
}

}  // namespace sandbox::net
