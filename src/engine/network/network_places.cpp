#include "engine/network/network_places.hpp"

#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

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

NetworkPlaces::NetworkPlaces(Owner owner, const store::Store& store, PollLoop& loop)
    : owner_(std::move(owner)), store_(store), loop_(loop) {}

NetworkPlaces::~NetworkPlaces() {
    for (Place& place : places_) forget(place);
}

void NetworkPlaces::forget(Place& place) {
    if (place.token) loop_.remove(*std::exchange(place.token, std::nullopt));
    if (place.retry) loop_.remove(*std::exchange(place.retry, std::nullopt));
    place.member.reset();
}

std::vector<std::string> NetworkPlaces::names_on(const Place& place) const {
    constexpr size_t kShortId = 12;
    if (place.is_private()) return {owner_.hostname, owner_.name};
    std::vector<std::string> names{owner_.name};
    names.insert(names.end(), place.use.aliases.begin(), place.use.aliases.end());
    names.push_back(owner_.id.substr(0, kShortId));
    return names;
}

NetworkPlaces::Place& NetworkPlaces::add(const NetworkUse& use, size_t link_number) {
    Place place;
    place.use = use;
    net::AttachPlan& wish = place.wish;
    if (use.name == kPrivateNetwork) {
        place.record.name = use.name;
        place.plan = private_plan();
        wish.mac = net::random_mac();
    } else {
        place.record = find_network(store_, use.name);
        place.plan = plan_of(place.record);
        wish.mac = net::try_parse_mac(use.mac);  // otherwise that of the address
    }
    place.link = link_number;
    wish.names = names_on(place);
    wish.link_name = "eth" + std::to_string(link_number);
    wish.link_index = kFirstLinkIndex + static_cast<int>(link_number);
    wish.address_v4 = address_of(use.ip, false);
    wish.address_v6 = address_of(use.ip6, true);
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

NetworkPlaces::Place* NetworkPlaces::choose_first() noexcept {
    for (Place& place : places_) {
        if (!place.plan.internal) return &place;
    }
    return places_.empty() ? nullptr : &places_.front();
}

void NetworkPlaces::enter(Place& place, net::ProjectNetwork* begun) {
    if (place.is_private()) {
        place.member = enter_private(place.plan, place.wish, loop_, begun);
        place.record.gateway = place.plan.gateway_v4->str();
        return;
    }
    base::with_context("network " + base::quote(place.record.name), [&] {
        place.member = enter_holder(holder_place(store_, place.record), place.plan, place.wish,
                                    !place.wish.default_route);
    });
}

// A container that runs.
void NetworkPlaces::enter_late(Place& place) {
    place.wish.configures_itself = false;
    place.wish.prepared = true;
    enter(place);
    place.member->join(netns_.get(), false);
    watch(place);
}

void NetworkPlaces::enter_all(const std::vector<NetworkUse>& uses, std::vector<net::HostPort> ports,
                              net::ProjectNetwork* begun) {
    ports_ = std::move(ports);
    for (const NetworkUse& use : uses) add(use, places_.size()).wish.configures_itself = true;
    first_ = choose_first();
    first_->wish.default_route = true;
    for (const net::HostPort& port : ports_) {
        wishes_.push_back(port.wish);
        wishes_.back().host_first = wishes_.back().host_last = port.host.port;
    }
    if (first_->plan.internal && !ports_.empty()) {
        base::log::warning("published ports mean nothing on internal networks alone");
        ports_.clear();
    }
    for (Place& place : places_) enter(place, begun);
}

void NetworkPlaces::join_all(int netns_fd) {
    netns_ = copy_of(netns_fd);
    const bool again = std::exchange(joined_, true);
    for (Place& place : places_) {
        place.member->join(netns_.get(), true);
        if (!again) watch(place);
    }
    for (Place& place : places_) on_news(place);  // what was told while we waited
}

void NetworkPlaces::connect(const NetworkUse& use) {
    Place& place = add(use, free_link());
    const bool leads = choose_first() == &place;
    place.wish.default_route = leads;
    try {
        enter_late(place);
    } catch (const base::Error&) {
        forget(place);
        places_.pop_back();
        throw;
    }
    if (leads) change_first(&place, true);
    on_news(place);
}

void NetworkPlaces::disconnect(const std::string& network) {
    const auto found = std::find_if(places_.begin(), places_.end(), [&](const Place& place) {
        return place.record.name == network;
    });
    if (found == places_.end()) {
        throw base::NotFoundError("the container is not on network " + base::quote(network));
    }
    try {
        if (found->member) found->member->leave();
    } catch (const net::HolderGone& error) {  // and what we had there with it
        base::log::debug(error.message());
    }
    forget(*found);
    const bool led_out = first_ == &*found;
    if (led_out) first_ = nullptr;
    places_.erase(found);
    if (led_out) return change_first(choose_first(), false);
    tell_view();
}

// Default route, published ports and names are the next one's. One that is not there at the moment
// gets them when it comes back.
void NetworkPlaces::change_first(Place* next, bool leads_out_already) {
    Place* const before = std::exchange(first_, next);
    try {
        if (before != nullptr) {
            before->wish.default_route = false;
            if (before->member) before->member->set_view({});
            if (before->member) before->member->want_names();
        }
        if (next != nullptr) next->wish.default_route = true;
        const bool leads_out = next != nullptr && !next->plan.internal;
        if (!leads_out) ports_.clear();
        if (leads_out && ports_.empty()) reopen_ports();
        if (next != nullptr && next->member) {
            if (!leads_out_already) next->member->lead_out(netns_.get());
            publish_all();
        }
    } catch (const base::Error& error) {  // a holder's end is heard, too
        base::log::warning("the way outside of the container: " + error.message());
    }
    view_.clear();
    tell_view();
}

// They were closed with the last way outside; somebody else may have got one meanwhile.
void NetworkPlaces::reopen_ports() {
    try {
        ports_ = net::open_host_ports(wishes_);
    } catch (const base::Error& error) {
        base::log::warning(error.message());
    }
}

void NetworkPlaces::rename(const std::string& name) {
    owner_.name = name;
    for (Place& place : places_) {
        place.wish.names = names_on(place);
        if (place.member) place.member->set_names(place.wish.names);
    }
}

size_t NetworkPlaces::free_link() const {
    for (size_t link = 0;; ++link) {
        const bool taken = std::any_of(places_.begin(), places_.end(),
                                       [&](const Place& place) { return place.link == link; });
        if (!taken) return link;
    }
}

void NetworkPlaces::watch(Place& place) {
    if (place.member->fd() < 0) return;
    Place* const key = &place;
    place.token =
        loop_.add_fd(place.member->fd(), EPOLLIN, [this, key](std::uint32_t) { on_news(*key); });
}

void NetworkPlaces::publish_all() {
    if (first_ == nullptr || !first_->member) return;
    for (const net::HostPort& port : ports_) {
        first_->member->publish(port);
    }
}

void NetworkPlaces::on_news(Place& place) {
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
void NetworkPlaces::tell_view() {
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
    if (first_ == nullptr || !first_->member) return;
    try {
        first_->member->set_view(others);
    } catch (const base::Error& error) {  // its end is heard, too
        base::log::debug(error.message());
    }
}

void NetworkPlaces::lose(Place& place) {
    const net::Attachment had = place.member->attachment();
    forget(place);
    place.wish.address_v4 = had.address_v4;
    place.wish.address_v6 = had.address_v6;
    base::log::warning("the holder of network " + base::quote(place.record.name) +
                       " has died: its connections are broken");
    place.pause = kFirstPause;
    retry_later(place);
}

void NetworkPlaces::retry_later(Place& place) {
    Place* const key = &place;
    place.retry = loop_.add_timer(place.pause, kOnce, [this, key] {
        key->retry.reset();
        come_back(*key);
    });
    place.pause = std::min(kLongestPause, place.pause * 2);
}

void NetworkPlaces::come_back(Place& place) {
    place.wish.replaces = true;
    try {
        enter_late(place);
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

}  // namespace sandbox::engine
