// What a container and its listings are told of its places.
#include "engine/network/container_network.hpp"
#include "engine/network/network_places.hpp"
#include "sandbox/net/project_network.hpp"

namespace sandbox::engine {

std::vector<std::string> NetworkPlaces::own_addresses() const {
    std::vector<std::string> own;
    for (const Place& place : places_) {
        if (!place.member) continue;
        const std::string address = place.member->attachment().address_v4.str();
        own.insert(&place == first_ ? own.begin() : own.end(), address);
    }
    return own;
}

std::string NetworkPlaces::name_server() const {
    if (first_ == nullptr) return {};
    return first_->member ? first_->member->attachment().name_server.str() : first_->record.gateway;
}

std::vector<std::uint8_t> NetworkPlaces::setup() const {
    std::vector<std::vector<std::uint8_t>> batches;
    for (const Place& place : places_) batches.push_back(place.member->attachment().inside);
    return net::join_batches(batches);
}

void NetworkPlaces::add_facts(store::NetworkFacts& facts) const {
    for (const net::HostPort& port : ports_) facts.ports.push_back(mapping_of(port));
    for (const Place& each : places_) {
        store::NetworkPlace place;
        place.name = each.record.name;
        place.id = each.record.id;
        place.gateway = each.record.gateway;
        place.prefix = each.plan.subnet_v4->prefix;
        if (!each.is_private())
            place.aliases.assign(each.wish.names.begin() + 1, each.wish.names.end());
        if (each.member) {
            const net::Attachment& attachment = each.member->attachment();
            place.ipv4 = attachment.address_v4.str();
            place.mac = net::mac_text(each.wish.mac.value_or(net::mac_for(attachment.address_v4)));
            if (attachment.address_v6) {
                place.ipv6 = attachment.address_v6->str();
                place.prefix_v6 = each.plan.subnet_v6->prefix;
                place.gateway_v6 = each.plan.subnet_v6->at(1).str();
            }
        }
        facts.networks.push_back(std::move(place));
    }
}

}  // namespace sandbox::engine
