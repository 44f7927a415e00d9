// Which addresses a network gives out.
#include <algorithm>
#include <cstring>

#include "net/network_state.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::net {

bool ProjectNetwork::Impl::is_taken(const IpAddress& address) const {
    return std::any_of(members.begin(), members.end(), [&](const auto& entry) {
        const Attachment& attachment = entry.second.attachment;
        return attachment.address_v4 == address || attachment.address_v6 == address;
    });
}

IpAddress ProjectNetwork::Impl::free_address(const Subnet& subnet) const {
    const size_t host_bits = subnet.base.size() * 8 - subnet.prefix;
    const std::uint64_t most = host_bits >= 16 ? 65534 : (std::uint64_t{1} << host_bits) - 2;
    const bool ranged = plan.range_v4 && !subnet.base.is_v6();
    for (std::uint64_t offset = 1; offset <= most; ++offset) {
        const IpAddress address = subnet.at(offset);
        if (is_gateway(address) || (ranged && !plan.range_v4->contains(address))) continue;
        if (!is_taken(address)) return address;
    }
    throw base::Error("no address is left in the subnet " + subnet.str() + " of network " +
                          base::quote(plan.name),
                      "give the network a larger subnet");
}

void ProjectNetwork::Impl::check_wish(const Subnet& subnet, const IpAddress& wish) const {
    if (!subnet.contains(wish) || wish == subnet.base || is_gateway(wish)) {
        throw base::UsageError(
            "address " + base::quote(wish.str()) + " is not for containers in " + subnet.str(),
            "choose one from " + subnet.at(2).str() + " on");
    }
    if (is_taken(wish)) throw base::UsageError("address " + base::quote(wish.str()) + " is taken");
}

bool ProjectNetwork::Impl::is_gateway(const IpAddress& address) const {
    return address == gateway_v4() || (address.is_v6() && address == gateway_v6());
}

Subnet choose_subnet(std::string_view proc_net_route, std::vector<Subnet> taken) {
    for (const std::string& line : base::split(proc_net_route, '\n')) {
        const auto words = base::split(line, '\t');
        // Interface, destination, gateway, flags, …, mask at 7: as the host's own words, in hex.
        if (words.size() < 8 || words[1].size() != 8 || words[7].size() != 8) continue;
        const auto destination =
            static_cast<std::uint32_t>(std::strtoul(words[1].c_str(), nullptr, 16));
        const auto mask = static_cast<std::uint32_t>(std::strtoul(words[7].c_str(), nullptr, 16));
        if (mask == 0) continue;  // the default route overlaps all
        Subnet subnet;
        std::memcpy(subnet.base.bytes.data(), &destination, 4);
        subnet.prefix = static_cast<std::uint8_t>(__builtin_popcount(mask));
        taken.push_back(subnet);
    }
    for (const int second : {89, 88, 213, 77, 41}) {
        for (int third = 0; third < 256; ++third) {
            Subnet subnet;
            subnet.base.bytes = {10, static_cast<std::uint8_t>(second),
                                 static_cast<std::uint8_t>(third)};
            subnet.prefix = 24;
            if (std::none_of(taken.begin(), taken.end(),
                             [&](const Subnet& other) { return other.overlaps(subnet); })) {
                return subnet;
            }
        }
    }
    throw base::Error("the host's routes leave no subnet for a network",
                      "name one: subnet = \"192.168.89.0/24\"");
}

Attachment ProjectNetwork::Impl::choose_addresses(const AttachPlan& wish) const {
    Attachment attachment;
    if (wish.address_v4) check_wish(*plan.subnet_v4, *wish.address_v4);
    attachment.address_v4 = wish.address_v4 ? *wish.address_v4 : free_address(*plan.subnet_v4);
    if (plan.subnet_v6) {
        if (wish.address_v6) check_wish(*plan.subnet_v6, *wish.address_v6);
        attachment.address_v6 = wish.address_v6 ? *wish.address_v6 : free_address(*plan.subnet_v6);
    }
    attachment.name_server = gateway_v4();
    return attachment;
}

}  // namespace sandbox::net
