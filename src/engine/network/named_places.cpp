#include "engine/network/named_places.hpp"

#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "engine/network/container_network.hpp"
#include "engine/network/network_plan.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"

namespace sandbox::engine {
namespace {

using base::PollLoop;
using base::UniqueFd;

constexpr std::chrono::nanoseconds kOnce{0};
constexpr std::chrono::milliseconds kFirstPause{10};
constexpr std::chrono::milliseconds kLongestPause{1000};
constexpr int kFirstLinkIndex = 20;

std::optional<net::IpAddress> address_of(const std::string& text, bool v6) {
    if (text.empty()) return std::nullopt;
    const auto address = net::try_parse_address(text);
    if (address && address->is_v6() != v6) {
        throw base::UsageError("address " + base::quote(text) + " is of the other family",
                               "--ip is for IPv4, --ip6 for IPv6", base::exit_code::kEngine);
    }
    return address;
}

UniqueFd copy_of(int fd) {
    return UniqueFd(base::raw::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

}  // namespace

NamedPlaces::NamedPlaces(Owner owner, const store::Store& store, PollLoop& loop)
    : owner_(std::move(owner)), store_(store), loop_(loop) {}

NamedPlaces::~NamedPlaces() {
    for (Place& place : places_) forget(place);
}

void NamedPlaces::forget(Place& place) {
    if (place.token) loop_.remove(*std::exchange(place.token, std::nullopt));
    if (place.retry) loop_.remove(*std::exchange(place.retry, std::nullopt));
    place.member.reset();
}

std::vector<std::string> NamedPlaces::names_on(const NetworkUse& use) const {
    constexpr size_t kShortId = 12;
    std::vector<std::string> names{owner_.name};
    names.insert(names.end(), use.aliases.begin(), use.aliases.end());
    names.push_back(owner_.id.substr(0, kShortId));
    return names;
}

NamedPlaces::Place& NamedPlaces::add(const NetworkUse& use, size_t link_number) {
    Place place;
    place.use = use;
    place.record = find_network(store_, use.name);
    place.plan = plan_of(place.record);
    place.link = link_number;
    net::AttachPlan& wish = place.wish;
    wish.names = names_on(use);
    wish.link_name = "eth" + std::to_string(link_number);
    wish.link_index = kFirstLinkIndex + static_cast<int>(link_number);
    wish.address_v4 = address_of(use.ip, false);
    wish.address_v6 = address_of(use.ip6, true);
    wish.mac = net::try_parse_mac(use.mac);  // otherwise that of the address
    wish.default_route = false;
    wish.host_ports = owner_.host_ports;
    wish.link_local = owner_.link_local;
    for (const std::string& server : owner_.name_servers) {
        if (const auto address = net::try_parse_address(server)) {
            wish.name_servers.push_back(*address);
        }
    }
    return places_.emplace_back(std::move(place));
}

void NamedPlaces::choose_first() {
    first_ = &places_.front();
    for (Place& place : places_) {
        if (place.plan.internal) continue;
        first_ = &place;
        break;
    }
    first_->wish.default_route = true;
    if (first_->plan.internal && !ports_.empty()) {
        base::log::warning("published ports mean nothing on internal networks alone");
        ports_.clear();
    }
}

void NamedPlaces::enter(Place& place) {
    base::with_context("network " + base::quote(place.record.name), [&] {
        place.member = net::NetworkMember::enter(holder_place(store_, place.record), place.plan,
                                                 place.wish, &place != first_);
    });
}

void NamedPlaces::enter_all(const std::vector<NetworkUse>& uses, std::vector<net::HostPort> ports) {
    ports_ = std::move(ports);
    for (const NetworkUse& use : uses) add(use, places_.size()).wish.configures_itself = true;
    choose_first();
    for (Place& place : places_) enter(place);
}

std::vector<std::string> NamedPlaces::own_addresses() const {
    std::vector<std::string> own{first_->member->attachment().address_v4.str()};
    for (const Place& place : places_) {
        if (&place != first_) own.push_back(place.member->attachment().address_v4.str());
    }
    return own;
}

std::string NamedPlaces::name_server() const {
    return first_->member->attachment().name_server.str();
}

std::vector<std::uint8_t> NamedPlaces::setup() const {
    std::vector<std::vector<std::uint8_t>> batches;
    for (const Place& place : places_) batches.push_back(place.member->attachment().inside);
    return net::join_batches(batches);
}

void NamedPlaces::join_all(int netns_fd) {
    netns_ = copy_of(netns_fd);
    const bool again = std::exchange(joined_, true);
    for (Place& place : places_) {
        place.member->join(netns_.get(), true);
        if (!again) watch(place);
    }
    for (Place& place : places_) on_news(place);  // what was told while we waited
}

void NamedPlaces::connect(const NetworkUse& use, int netns_fd, size_t link_number) {
    if (!netns_) netns_ = copy_of(netns_fd);
    const bool alone = places_.empty() && !observer_;
    Place& place = add(use, link_number);
    place.wish.prepared = true;
    if (alone) choose_first();
    try {
        enter(place);
        place.member->join(netns_.get(), false);
        watch(place);
        if (&place == first_) publish_all();
        on_news(place);
    } catch (const base::Error&) {
        forget(place);
        if (&place == first_) first_ = nullptr;
        places_.pop_back();
        throw;
    }
}

void NamedPlaces::disconnect(const std::string& network) {
    const auto found = std::find_if(places_.begin(), places_.end(), [&](const Place& place) {
        return place.record.name == network;
    });
    if (found == places_.end()) {
        throw base::NotFoundError("the container is not on network " + base::quote(network));
    }
    if (&*found == first_ && places_.size() > 1) {
        throw base::Error("network " + base::quote(network) +
                              " has the container's way outside and its name server",
                          "disconnect its other networks first");
    }
    try {
        if (found->member) found->member->leave();
    } catch (const net::HolderGone& error) {  // and what we had there with it
        base::log::debug(error.message());
    }
    forget(*found);
    if (&*found == first_) first_ = nullptr;
    places_.erase(found);
    tell_view();
}

void NamedPlaces::rename(const std::string& name) {
    owner_.name = name;
    for (Place& place : places_) {
        place.wish.names = names_on(place.use);
        if (place.member) place.member->set_names(place.wish.names);
    }
}

void NamedPlaces::on_view(std::function<void(const std::vector<net::NamedAddresses>&)> observer) {
    observer_ = std::move(observer);
}

bool NamedPlaces::is_on(const std::string& network) const {
    return std::any_of(places_.begin(), places_.end(),
                       [&](const Place& place) { return place.record.name == network; });
}

size_t NamedPlaces::free_link(size_t from) const {
    for (size_t link = from;; ++link) {
        const bool taken = std::any_of(places_.begin(), places_.end(),
                                       [&](const Place& place) { return place.link == link; });
        if (!taken) return link;
    }
}

void NamedPlaces::watch(Place& place) {
    Place* const key = &place;
    place.token =
        loop_.add_fd(place.member->fd(), EPOLLIN, [this, key](std::uint32_t) { on_news(*key); });
}

void NamedPlaces::publish_all() {
    for (const net::HostPort& port : ports_) {
        first_->member->publish(port.wish, port.socket.get());
    }
}

void NamedPlaces::on_news(Place& place) {
    if (!place.member) return;
    switch (place.member->read_news()) {
        case net::NetworkMember::News::none:
            return;
        case net::NetworkMember::News::names:
            tell_view();
            return;
        case net::NetworkMember::News::gone:
            lose(place);
            return;
    }
}

// The names of the other networks, for whoever has the name server to tell the container.
void NamedPlaces::tell_view() {
    std::vector<net::NamedAddresses> others;
    for (const Place& place : places_) {
        if (&place == first_ || !place.member) continue;
        for (const net::NamedAddresses& each : place.member->names()) {
            const bool own = each.addresses.empty() ||
                             each.addresses.front() == place.member->attachment().address_v4;
            if (!own) others.push_back(each);
        }
    }
    if (others == view_) return;
    view_ = others;
    if (observer_) return observer_(others);
    if (first_ == nullptr || !first_->member) return;
    try {
        first_->member->set_view(others);
    } catch (const base::Error& error) {  // its end is heard, too
        base::log::debug(error.message());
    }
}

void NamedPlaces::lose(Place& place) {
    const net::Attachment had = place.member->attachment();
    forget(place);
    place.wish.address_v4 = had.address_v4;
    place.wish.address_v6 = had.address_v6;
    base::log::warning("the holder of network " + base::quote(place.record.name) +
                       " has died: its connections are broken");
    place.pause = kFirstPause;
    retry_later(place);
}

void NamedPlaces::retry_later(Place& place) {
    Place* const key = &place;
    place.retry = loop_.add_timer(place.pause, kOnce, [this, key] {
        key->retry.reset();
        come_back(*key);
    });
    place.pause = std::min(kLongestPause, place.pause * 2);
}

void NamedPlaces::come_back(Place& place) {
    place.wish.configures_itself = false;
    place.wish.prepared = true;
    place.wish.replaces = true;
    try {
        enter(place);
        place.member->join(netns_.get(), false);
        watch(place);
        view_.clear();
        if (&place == first_) publish_all();
        tell_view();
        place.tries = 0;
    } catch (const base::Error& error) {
        base::log::debug(error.message());
        forget(place);
        // Another container may have got the address meanwhile.
        constexpr int kPatientTries = 6;
        if (++place.tries > kPatientTries) {
            place.wish.address_v4 = address_of(place.use.ip, false);
            place.wish.address_v6 = address_of(place.use.ip6, true);
        }
        retry_later(place);
    }
}

void NamedPlaces::add_facts(store::NetworkFacts& facts) const {
    for (const net::HostPort& port : ports_) facts.ports.push_back(mapping_of(port));
    for (const Place& each : places_) {
        store::NetworkPlace place;
        place.name = each.record.name;
        place.id = each.record.id;
        place.gateway = each.record.gateway;
        place.prefix = each.plan.subnet_v4->prefix;
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
