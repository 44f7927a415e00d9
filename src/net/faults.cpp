// Theory. Loss and partition are rules of the packet filter in the bridge, where the packets of two
// containers pass from one port to another. Delayed packets are dropped there, too: what is seen of
// them by packet sockets on the ports goes on later (delay_line.hpp). ARP and neighbour discovery
// always pass, so that a partition looks like one that is far away.
#include "net/faults.hpp"

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

namespace sandbox::net {
namespace {

using Member = ProjectNetwork::Impl::Member;

constexpr const char* kTable = "faults";
constexpr std::uint8_t kNeighbourSolicitation = 135, kNeighbourAdvertisement = 136;

const Member* find_linked(const ProjectNetwork::Impl& network, const IpAddress& address) {
    for (const auto& [id, member] : network.members) {
        if (member.linked && member.attachment.address_v4 == address) return &member;
    }
    return nullptr;
}

const Member* find_linked(const ProjectNetwork::Impl& network, const std::string& name) {
    for (const auto& [id, member] : network.members) {
        if (member.linked && !member.plan.names.empty() && member.plan.names.front() == name)
            return &member;
    }
    return nullptr;
}

bool is_same_pair(const NetworkFault& one, const NetworkFault& other) noexcept {
    return (one.a_name == other.a_name && one.b_name == other.b_name) ||
           (one.a_name == other.b_name && one.b_name == other.a_name);
}

DelayLine::Way way_of(const NetworkFault& fault, const Member& from, const Member& to,
                      const ProjectNetwork::Impl& network) {
    return {ProjectNetwork::Impl::port_index(from),
            ProjectNetwork::Impl::port_index(to),
            to.plan.mac.value_or(MacAddress{}),
            fault.delay,
            fault.drop_ppm,
            network.netns.get()};
}

}  // namespace

void add_fault_rules(NftChain& chain, const NetworkFault& fault, const std::string& from_link,
                     const std::string& to_link) {
    const auto begin = [&](std::uint16_t type) {
        return NftRule().in_link(from_link).out_link(to_link).ether_type(type);
    };
    chain.rules.push_back(begin(ETH_P_IPV6)
                              .next_header(IPPROTO_ICMPV6)
                              .icmp_type_between(kNeighbourSolicitation, kNeighbourAdvertisement)
                              .accept());
    for (const std::uint16_t type : {std::uint16_t{ETH_P_IP}, std::uint16_t{ETH_P_IPV6}}) {
        NftRule rule = begin(type);
        if (!fault.partition && fault.delay.count() == 0) rule.by_chance(fault.drop_ppm);
        chain.rules.push_back(std::move(rule.drop()));
    }
}

void Faults::apply(const std::vector<NetworkFault>& faults) {
    NftChain chain{"forward", NF_BR_FORWARD, 0, {}};
    std::vector<DelayLine::Way> ways;
    for (const NetworkFault& fault : faults) {
        const Member* const a = find_linked(network_, fault.a_name);
        const Member* const b = find_linked(network_, fault.b_name);
        if (a == nullptr || b == nullptr) continue;
        add_fault_rules(chain, fault, a->port_link, b->port_link);
        add_fault_rules(chain, fault, b->port_link, a->port_link);
        if (fault.delay.count() == 0 || fault.partition) continue;
        ways.push_back(way_of(fault, *a, *b, network_));
        ways.push_back(way_of(fault, *b, *a, network_));
    }
    if (!netfilter_) {
        auto made = make_inside(network_.netns.get(), [] {
            Descriptors fds;
            const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
            if (fd < 0) throw base::SysError(errno, "open a netlink socket");
            fds.emplace_back(fd);
            return fds;
        });
        netfilter_.emplace(std::move(made.at(0)));
    }
    // The line first: packets that nobody holds must not be dropped. One that goes on as it is
    // keeps what it holds; two would send everything twice.
    std::optional<DelayLine> delays;
    if (!delays_.serves(ways)) delays = DelayLine::start(ways);
    try {
        replace_table(*netfilter_, NFPROTO_BRIDGE, kTable, {chain});
    } catch (const base::SysError& error) {
        throw base::Error("make faults: " + error.message(),
                          "the kernel needs nf_tables for bridges, and numgen for loss: sudo "
                          "modprobe -a nf_tables nft_numgen (CONFIG_NF_TABLES_BRIDGE)");
    }
    if (delays) delays_ = std::move(*delays);
}

void Faults::set(const NetworkFault& fault) {
    NetworkFault named = fault;
    for (const auto& [address, name] :
         {std::pair{&fault.a, &named.a_name}, std::pair{&fault.b, &named.b_name}}) {
        const Member* const member = find_linked(network_, *address);
        if (member == nullptr || member->plan.names.empty()) {
            throw base::Error("nobody on the network has the address " + address->str());
        }
        *name = member->plan.names.front();
    }
    std::vector<NetworkFault> wanted = faults_;
    std::erase_if(wanted, [&](const auto& each) { return is_same_pair(each, named); });
    if (!fault.is_none()) wanted.push_back(std::move(named));
    apply(wanted);
    faults_ = std::move(wanted);
}

void Faults::refresh() noexcept {
    if (faults_.empty()) return;
    try {
        apply(faults_);
    } catch (const std::exception& error) {
        base::log::warning(std::string("faults of the network: ") + error.what());
    }
}

}  // namespace sandbox::net
