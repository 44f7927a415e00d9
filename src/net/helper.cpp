#include "net/helper.hpp"

#include <linux/if_packet.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>

#include "net/confine.hpp"
#include "net/dns_server.hpp"
#include "net/echo_flows.hpp"
#include "net/name_servers.hpp"
#include "net/tcp_gate.hpp"
#include "net/tcp_ports.hpp"
#include "net/udp_flows.hpp"
#include "net/udp_ports.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::net {
namespace {

namespace raw = base::raw;

constexpr size_t kBufferBytes = 64 * 1024;
constexpr int kPacketsPerRound = 64;

// What the packet filter dropped for us to see.
class Capture final : public Watcher {
  public:
    Capture(EventLoop& loop, int fd, const ReachPolicy& policy, TcpGate& gate, EchoFlows& echo,
            UdpPorts& udp_ports, Bytes& buffer)
        : loop_(loop),
          fd_(fd),
          policy_(policy),
          gate_(gate),
          echo_(echo),
          udp_ports_(udp_ports),
          buffer_(buffer) {
        loop_.watch(fd, EPOLLIN, *this);
    }
    ~Capture() { loop_.forget(fd_, *this); }
    void on_events(std::uint32_t) override {
        for (int i = 0; i < kPacketsPerRound; ++i) {
            const ssize_t got = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
            if (got < 0) return;
            const ByteView bytes(buffer_.data(), static_cast<size_t>(got));
            const auto packet = parse_packet(bytes);
            if (!packet || !is_from_inside(policy_, packet->from.address)) continue;
            if (packet->opens_connection) gate_.on_syn(bytes, *packet);
            if (packet->asks_echo) echo_.on_request(bytes, *packet);
            if (const auto refused = parse_refusal(bytes, *packet)) udp_ports_.on_refused(*refused);
        }
    }

  private:
    EventLoop& loop_;
    int fd_;
    const ReachPolicy& policy_;
    TcpGate& gate_;
    EchoFlows& echo_;
    UdpPorts& udp_ports_;
    Bytes& buffer_;
};

class Helper final : public Watcher {
  public:
    explicit Helper(const HelperStart& start)
        : control_fd_(start.control_fd),
          buffer_(kBufferBytes),
          flows_(loop_),
          gate_(loop_, *start.sockets, world_.reach, flows_),
          ports_(loop_, world_.reach, flows_, start.maker_fd),
          udp_ports_(loop_, *start.sockets, world_.reach, buffer_),
          udp_(loop_, *start.sockets, world_.reach, udp_ports_, buffer_),
          echo_(loop_, *start.sockets, world_.reach, buffer_),
          dns_(loop_, *start.sockets, buffer_, [this] { ask_servers(); }) {
        loop_.watch(control_fd_, EPOLLIN, *this);
        captures_.push_back(std::make_unique<Capture>(loop_, start.sockets->v4.capture.get(),
                                                      world_.reach, gate_, echo_, udp_ports_,
                                                      buffer_));
        if (start.sockets->v6.exists()) {
            captures_.push_back(std::make_unique<Capture>(loop_, start.sockets->v6.capture.get(),
                                                          world_.reach, gate_, echo_, udp_ports_,
                                                          buffer_));
        }
    }
    ~Helper() { loop_.forget(control_fd_, *this); }
    void run() {
        send_message(control_fd_, std::string(1, control::kReady));
        // The world comes first. Packets may wait already: nothing is decided without it.
        on_events(EPOLLIN);
        loop_.run();
    }
    void on_events(std::uint32_t) override {
        Message message = receive_message(control_fd_);
        if (message.text.empty()) return loop_.stop();
        switch (message.tag()) {
            case control::kWorld:
                set_world(decode_world(message.body()));
                break;
            case control::kServers:
                dns_.set_servers(parse_name_servers(message.body()));
                break;
            case control::kTcpPort:
            case control::kUdpPort:
                add_port(message);
                break;
            case control::kRemovePort:
                remove_port(message.body());
                break;
            default:
                break;
        }
    }

  private:
    void ask_servers() { send_message(control_fd_, std::string(1, control::kAskServers)); }
    void set_world(World world) {
        world_.reach = std::move(world.reach);
        world_.reach.inside = world.subnets;
        dns_.set_internal(world_.reach.internal);
        world_.reach.twins.clear();
        for (const auto& [id, owner] : world.owners) {
            if (owner.addresses.size() != 2) continue;
            world_.reach.twins.emplace(owner.addresses[0], owner.addresses[1]);
            world_.reach.twins.emplace(owner.addresses[1], owner.addresses[0]);
        }
        NameTable table;
        table.set_v4_only(world.v4_names);
        for (auto& [id, owner] : world.owners) table.set_owner(id, std::move(owner));
        std::map<IpAddress, NameTable> views;
        for (auto& [address, owners] : world.views) {
            NameTable& view = views[address];
            view.set_v4_only(world.v4_names);
            for (NameTable::Owner& owner : owners) {
                const std::string id = std::to_string(&owner - owners.data());
                view.set_owner(id, std::move(owner));
            }
        }
        dns_.set_own_servers(world.servers);
        dns_.set_table(std::move(table), std::move(world.subnets), std::move(views));
    }
    void add_port(Message& message) {
        const auto words = base::split(message.body(), ' ');
        if (words.size() != 3 || message.fds.size() != 1) return;
        const auto id = static_cast<std::uint32_t>(base::try_parse_u64(words[0]).value_or(0));
        const Endpoint target{
            try_parse_address(words[1]).value_or(IpAddress{}),
            static_cast<std::uint16_t>(base::try_parse_u64(words[2]).value_or(0))};
        if (message.tag() == control::kTcpPort) {
            ports_.add(id, std::move(message.fds[0]), target);
        } else {
            udp_ports_.add(id, std::move(message.fds[0]), target);
        }
    }
    void remove_port(std::string_view text) {
        const auto id = static_cast<std::uint32_t>(base::try_parse_u64(text).value_or(0));
        ports_.remove(id);
        udp_ports_.remove(id);
    }

    int control_fd_;
    World world_;
    EventLoop loop_;
    std::vector<std::uint8_t> buffer_;
    TcpFlows flows_;
    TcpGate gate_;
    TcpPorts ports_;
    UdpPorts udp_ports_;
    UdpFlows udp_;
    EchoFlows echo_;
    DnsServer dns_;
    std::vector<std::unique_ptr<Capture>> captures_;
};

void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);  // fewer connections at once, then
}

void append_family(std::vector<int>& fds, const FamilySockets& family) {
    for (const base::UniqueFd* fd : {&family.tcp, &family.udp, &family.capture, &family.raw,
                                     &family.dns_udp, &family.dns_tcp}) {
        if (fd->valid()) fds.push_back(fd->get());
    }
}

}  // namespace

std::string encode_world(const World& world) {
    std::string text = "gateway " + world.reach.gateway_v4.str() + "\n";
    if (world.reach.gateway_v6.is_v6()) text += "gateway " + world.reach.gateway_v6.str() + "\n";
    if (world.reach.internal) text += "internal yes\n";
    if (world.v4_names) text += "v4-names yes\n";
    if (world.reach.link_local) text += "link-local yes\n";
    for (const std::uint16_t port : world.reach.host_ports) {
        text += "host-port " + std::to_string(port) + "\n";
    }
    for (const auto& [address, opened] : world.reach.opened) {
        for (const std::uint16_t port : opened.host_ports) {
            text += "open-port " + address.str() + " " + std::to_string(port) + "\n";
        }
        if (opened.link_local) text += "open-link-local " + address.str() + "\n";
    }
    for (const auto& [id, owner] : world.owners) {
        for (const std::string& name : owner.names) text += "name " + id + " " + name + "\n";
        for (const IpAddress& address : owner.addresses) {
            text += "address " + id + " " + address.str() + "\n";
        }
    }
    for (const Subnet& subnet : world.subnets) text += "subnet " + subnet.str() + "\n";
    for (const auto& [address, servers] : world.servers) {
        for (const IpAddress& server : servers) {
            text += "server " + address.str() + " " + server.str() + "\n";
        }
    }
    for (const auto& [address, owners] : world.views) {
        for (const NameTable::Owner& owner : owners) {
            text += "view " + address.str() + "\n";
            for (const std::string& name : owner.names) text += "view-name " + name + "\n";
            for (const IpAddress& each : owner.addresses) {
                text += "view-address " + each.str() + "\n";
            }
        }
    }
    return text;
}

World decode_world(std::string_view text) {
    World world;
    NameTable::Owner* view = nullptr;
    for (const std::string& line : base::split(text, '\n')) {
        const auto words = base::split(line, ' ');
        if (words.size() < 2) continue;
        const std::string& key = words[0];
        const auto address = try_parse_address(words[1]);
        if (key == "gateway" && address) {
            (address->is_v6() ? world.reach.gateway_v6 : world.reach.gateway_v4) = *address;
        } else if (key == "internal") {
            world.reach.internal = true;
        } else if (key == "v4-names") {
            world.v4_names = true;
        } else if (key == "link-local") {
            world.reach.link_local = true;
        } else if (key == "host-port") {
            const auto port = base::try_parse_u64(words[1]).value_or(0);
            world.reach.host_ports.push_back(static_cast<std::uint16_t>(port));
        } else if (key == "subnet") {
            if (const auto subnet = try_parse_subnet(words[1])) {
                world.subnets.push_back(*subnet);
            }
        } else if (key == "open-port" && address && words.size() == 3) {
            const auto port = base::try_parse_u64(words[2]).value_or(0);
            world.reach.opened[*address].host_ports.push_back(static_cast<std::uint16_t>(port));
        } else if (key == "open-link-local" && address) {
            world.reach.opened[*address].link_local = true;
        } else if (key == "server" && address && words.size() == 3) {
            const auto server = try_parse_address(words[2]);
            if (server) world.servers[*address].push_back(*server);
        } else if (key == "view" && address) {
            view = &world.views[*address].emplace_back();
        } else if (key == "view-name" && view != nullptr) {
            view->names.push_back(words[1]);
        } else if (key == "view-address" && view != nullptr && address) {
            view->addresses.push_back(*address);
        } else if (words.size() == 3 && key == "name") {
            world.owners[words[1]].names.push_back(words[2]);
        } else if (words.size() == 3 && key == "address") {
            const auto owned = try_parse_address(words[2]);
            if (owned) world.owners[words[1]].addresses.push_back(*owned);
        }
    }
    return world;
}

[[noreturn]] void run_helper(const HelperStart& start) {
    try {
        std::vector<int> kept{start.control_fd, start.maker_fd};
        append_family(kept, start.sockets->v4);
        append_family(kept, start.sockets->v6);
        keep_descriptors(std::move(kept));
        raise_descriptor_limit();
        (void)raw::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>("sandbox-net"));
        empty_root();
        Helper helper(start);
        confine_helper();
        helper.run();
        raw::exit_group(0);
    } catch (const std::exception& error) {
        // A line on the control socket, if it still leads anywhere: 'f' and the reason.
        const std::string text = std::string("f") + error.what();
        (void)raw::write(start.control_fd, text.data(), text.size());
        raw::exit_group(1);
    }
}

}  // namespace sandbox::net
