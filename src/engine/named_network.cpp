// Theory. Each network's holder knows one link of the container. The first network that leads
// outside has the default route, the published ports and the name server; what the names of the
// others are, their holders tell us, and we tell the first's, for this container alone. A holder
// that dies takes its link along: then another one is started and the container joined anew, with
// the addresses it had.
#include <fcntl.h>
#include <sys/epoll.h>

#include <chrono>
#include <optional>
#include <utility>

#include "engine/container_network.hpp"
#include "engine/network_plan.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/net/holder.hpp"

namespace sandbox::engine {
namespace {

using base::PollLoop;
using base::UniqueFd;

constexpr std::chrono::nanoseconds kOnce{0};
constexpr std::chrono::milliseconds kFirstPause{10};
constexpr std::chrono::milliseconds kLongestPause{1000};
constexpr int kFirstLinkIndex = 20;

struct Place {
    NetworkUse use;
    store::NetworkRecord record;
    net::NetworkPlan plan;
    net::AttachPlan wish;
    std::optional<net::NetworkMember> member;
    std::optional<PollLoop::Token> token, retry;
    std::chrono::milliseconds pause = kFirstPause;
};

std::optional<net::IpAddress> address_of(const std::string& text, bool v6) {
    if (text.empty()) return std::nullopt;
    const auto address = net::try_parse_address(text);
    if (address && address->is_v6() != v6) {
        throw base::UsageError("address " + base::quote(text) + " is of the other family",
                               "--ip is for IPv4, --ip6 for IPv6", base::exit_code::kEngine);
    }
    return address;
}

class NamedNetwork final : public ContainerNetwork {
  public:
    NamedNetwork(ContainerSpec& spec, std::vector<net::HostPort> ports, const store::Store& store,
                 PollLoop& loop)
        : store_(store), loop_(loop), ports_(std::move(ports)) {
        for (const NetworkUse& use : spec.networks) add_place(spec, use);
        choose_first();
        for (Place& place : places_) enter(place);
        std::vector<std::vector<std::uint8_t>> batches;
        std::vector<std::string> own;
        for (const Place& place : places_) {
            batches.push_back(place.member->attachment().inside);
            own.push_back(place.member->attachment().address_v4.str());
        }
        setup_ = net::join_batches(batches);
        std::swap(own[0], own[first_]);
        complete_spec(spec, own, places_[first_].member->attachment().name_server.str());
        make_facts();
    }
    ~NamedNetwork() override {
        for (Place& place : places_) {
            if (place.token) loop_.remove(*place.token);
            if (place.retry) loop_.remove(*place.retry);
        }
    }
    [[nodiscard]] const std::vector<std::uint8_t>& setup() const noexcept override {
        return setup_;
    }
    [[nodiscard]] const store::NetworkFacts& facts() const noexcept override { return facts_; }

    void join(int netns_fd) override {
        netns_.reset(base::raw::fcntl(netns_fd, F_DUPFD_CLOEXEC, 0));
        const bool again = std::exchange(joined_, true);
        for (Place& place : places_) {
            place.member->join(netns_.get(), true);
            if (!again) watch(place);
        }
        if (!again) publish_all();
        for (Place& place : places_) on_news(place);  // what was told while we waited
    }

  private:
    void add_place(const ContainerSpec& spec, const NetworkUse& use) {
        Place place;
        place.use = use;
        place.record = find_network(store_, use.name);
        place.plan = plan_of(place.record);
        net::AttachPlan& wish = place.wish;
        constexpr size_t kShortId = 12;
        wish.names = {spec.name};
        wish.names.insert(wish.names.end(), use.aliases.begin(), use.aliases.end());
        wish.names.push_back(spec.id.substr(0, kShortId));
        wish.link_name = "eth" + std::to_string(places_.size());
        wish.link_index = kFirstLinkIndex + static_cast<int>(places_.size());
        wish.address_v4 = address_of(use.ip, false);
        wish.address_v6 = address_of(use.ip6, true);
        wish.mac = net::try_parse_mac(use.mac);  // otherwise that of the address
        wish.configures_itself = true;
        wish.default_route = false;
        places_.push_back(std::move(place));
    }
    void choose_first() {
        for (size_t i = 0; i < places_.size(); ++i) {
            if (places_[i].plan.internal) continue;
            first_ = i;
            break;
        }
        places_[first_].wish.default_route = true;
        if (places_[first_].plan.internal && !ports_.empty()) {
            base::log::warning("published ports mean nothing on internal networks alone");
            ports_.clear();
        }
    }
    [[nodiscard]] bool is_first(const Place& place) const { return &place == &places_[first_]; }
    void enter(Place& place) {
        base::with_context("network " + base::quote(place.record.name), [&] {
            place.member = net::NetworkMember::enter(holder_place(store_, place.record), place.plan,
                                                     place.wish, !is_first(place));
        });
    }
    void watch(Place& place) {
        Place* const key = &place;
        place.token = loop_.add_fd(place.member->fd(), EPOLLIN,
                                   [this, key](std::uint32_t) { on_news(*key); });
    }
    void publish_all() {
        for (const net::HostPort& port : ports_) {
            places_[first_].member->publish(port.wish, port.socket.get());
        }
    }

    void on_news(Place& place) {
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
    // The names of the other networks, for the first one's name server to tell us.
    void tell_view() {
        Place& first = places_[first_];
        if (!first.member) return;
        std::vector<net::NamedAddresses> others;
        for (const Place& place : places_) {
            if (is_first(place) || !place.member) continue;
            for (const net::NamedAddresses& each : place.member->names()) {
                const bool own = each.addresses.empty() ||
                                 each.addresses.front() == place.member->attachment().address_v4;
                if (!own) others.push_back(each);
            }
        }
        if (others == view_) return;
        view_ = others;
        try {
            first.member->set_view(others);
        } catch (const base::Error& error) {  // its end is heard, too
            base::log::debug(error.message());
        }
    }

    void lose(Place& place) {
        loop_.remove(*std::exchange(place.token, std::nullopt));
        const net::Attachment& had = place.member->attachment();
        place.wish.address_v4 = had.address_v4;
        place.wish.address_v6 = had.address_v6;
        place.member.reset();
        base::log::warning("the holder of network " + base::quote(place.record.name) +
                           " has died: its connections are broken");
        place.pause = kFirstPause;
        retry_later(place);
    }
    void retry_later(Place& place) {
        Place* const key = &place;
        place.retry = loop_.add_timer(place.pause, kOnce, [this, key] {
            key->retry.reset();
            come_back(*key);
        });
        place.pause = std::min(kLongestPause, place.pause * 2);
    }
    void come_back(Place& place) {
        place.wish.configures_itself = false;
        place.wish.prepared = true;
        try {
            enter(place);
            // The former link may still be about to go.
            place.member->join(netns_.get(), false);
            watch(place);
            view_.clear();
            if (is_first(place)) publish_all();
            tell_view();
        } catch (const base::Error& error) {
            base::log::debug(error.message());
            if (place.token) loop_.remove(*std::exchange(place.token, std::nullopt));
            place.member.reset();
            retry_later(place);
        }
    }

    void make_facts() {
        for (const net::HostPort& port : ports_) facts_.ports.push_back(mapping_of(port));
        for (const Place& each : places_) {
            const net::Attachment& attachment = each.member->attachment();
            store::NetworkPlace place;
            place.name = each.record.name;
            place.id = each.record.id;
            place.ipv4 = attachment.address_v4.str();
            place.gateway = each.record.gateway;
            place.prefix = each.plan.subnet_v4->prefix;
            if (attachment.address_v6) {
                place.ipv6 = attachment.address_v6->str();
                place.prefix_v6 = each.plan.subnet_v6->prefix;
                place.gateway_v6 = each.plan.subnet_v6->at(1).str();
            }
            place.mac = net::mac_text(each.wish.mac.value_or(net::mac_for(attachment.address_v4)));
            place.aliases.assign(each.wish.names.begin() + 1, each.wish.names.end());
            facts_.networks.push_back(std::move(place));
        }
    }

    const store::Store& store_;
    PollLoop& loop_;
    std::vector<net::HostPort> ports_;  // ours, too: they are kept when a holder dies
    std::vector<Place> places_;
    size_t first_ = 0;
    std::vector<std::uint8_t> setup_;
    store::NetworkFacts facts_;
    std::vector<net::NamedAddresses> view_;
    UniqueFd netns_;
    bool joined_ = false;
};

}  // namespace

std::unique_ptr<ContainerNetwork> make_named_network(ContainerSpec& spec,
                                                     std::vector<net::HostPort> ports,
                                                     const store::Store& store,
                                                     base::PollLoop& loop) {
    return std::make_unique<NamedNetwork>(spec, std::move(ports), store, loop);
}

}  // namespace sandbox::engine
