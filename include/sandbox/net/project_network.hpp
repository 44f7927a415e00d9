// A project's network: a network namespace with a bridge in it, to which each container's namespace
// is joined; addresses, names, what their resolv.conf says. The way out of it is the Gateway's
// business (gateway.hpp). Nothing here outlives the object, for the kernel removes a namespace that
// nobody holds. All must be called in a process with one thread, which owns the user namespaces of
// the containers (it or its parent made them) and is outside of them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/net/address.hpp"

namespace sandbox::net {

struct NetworkPlan {
    std::string name = "private";
    std::optional<Subnet> subnet_v4;      // absent: one that no route of the host overlaps
    std::optional<Subnet> subnet_v6;      // absent: a local one (fd00::/8), when the host has IPv6
    std::optional<IpAddress> gateway_v4;  // absent: the subnet's first address
    std::optional<Subnet> range_v4;       // absent: all of the subnet is given out
    bool ipv6 = true;
    bool v4_names = false;  // names answer IPv4 addresses alone
    // For one container, whose link is the gateway's own: no bridge. attach() works once at a time.
    bool lone = false;
    bool internal = false;                  // no way out
    bool link_local = false;                // link-local and metadata addresses are open
    std::vector<std::uint16_t> host_ports;  // of the host's loopback, open at host.internal
};

struct AttachPlan {
    int netns_fd = -1;  // of the container; borrowed
    std::string link_name = "eth0";
    // The first is the container's own for reverse lookups. Case does not matter.
    std::vector<std::string> names;
    std::optional<IpAddress> address_v4;  // absent: the lowest that is free
    std::optional<IpAddress> address_v6;
    bool default_route = true;  // false for a second network
    std::optional<MacAddress> mac{};
    // The caller has whoever is inside say Attachment::inside to the kernel.
    bool configures_itself = false;
    int link_index = 20;                    // with it: the link's, free in its namespace
    std::vector<std::uint16_t> host_ports;  // as NetworkPlan's, for this container alone
    bool link_local = false;                // the same
    std::vector<IpAddress> name_servers;    // who is asked for other names; empty: the host's
    bool prepared = false;  // the namespace has had a network: its settings stay as they are
    // With prepared: a link of this name is what a network that died has left, and goes. The kernel
    // takes it away, too, but only in its turn after all namespaces that ended before.
    bool replaces = false;
};

// A name of somebody, for a container that is on another network with him, too.
struct NamedAddresses {
    std::vector<std::string> names;  // the first is what the addresses are called
    std::vector<IpAddress> addresses;
    bool operator==(const NamedAddresses&) const = default;
};

struct Attachment {
    std::uint32_t id = 0;
    IpAddress address_v4;
    std::optional<IpAddress> address_v6;
    IpAddress name_server;
    // configures_itself: an rtnetlink batch, whose last message asks for an acknowledgement, that
    // gives the link its addresses and routes.
    std::vector<std::uint8_t> inside;
};

class ProjectNetwork {
  public:
    // Throws Error with a cure when the kernel refuses (no user namespaces, no nf_tables, …).
    static ProjectNetwork create(const NetworkPlan& plan);
    // The same, answering while a child still makes it. attach() waits, and finish(), which throws.
    static ProjectNetwork begin(const NetworkPlan& plan);
    void finish();
    ProjectNetwork(ProjectNetwork&&) noexcept;
    ProjectNetwork& operator=(ProjectNetwork&&) noexcept;
    ~ProjectNetwork();

    // The container's namespace gets its link, addresses and routes, lo comes up, ports below 1024
    // are open to all its users. Names are told by Gateway::update(). Throws Error.
    Attachment attach(const AttachPlan& plan);
    // What attach() would answer now, but for the id; nothing is done.
    [[nodiscard]] Attachment plan_attachment(const AttachPlan& plan) const;
    // attach() in two steps: addresses are given out now, the link is made when the container's
    // namespace is there; link() again makes another one (of another namespace). `plan.netns_fd`
    // is not looked at.
    Attachment reserve(const AttachPlan& plan);
    void link(std::uint32_t id, int netns_fd, bool configures_itself);
    // The container's default routes go through this network from now on: its other one has been
    // left, or is internal. Must be linked.
    void lead_out(std::uint32_t id, int netns_fd);
    // Takes the link away, if the container (still) exists, and frees address and names.
    void detach(std::uint32_t id);
    void set_names(std::uint32_t id, std::vector<std::string> names);
    // What only that container is told: names of its other networks.
    void set_view(std::uint32_t id, std::vector<NamedAddresses> others);
    // Who is linked, host.internal left out.
    [[nodiscard]] std::vector<NamedAddresses> members() const;

    [[nodiscard]] const Subnet& subnet_v4() const noexcept;
    [[nodiscard]] const std::optional<Subnet>& subnet_v6() const noexcept;
    [[nodiscard]] IpAddress gateway_v4() const noexcept;
    [[nodiscard]] std::optional<IpAddress> gateway_v6() const noexcept;

    struct Impl;  // for the gateway
    [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

  private:
    explicit ProjectNetwork(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// A subnet for IPv4 that overlaps none of `taken` and none of the routes in `proc_net_route` (the
// text of /proc/net/route). Throws Error when there is none. Pure.
[[nodiscard]] Subnet choose_subnet(std::string_view proc_net_route, std::vector<Subnet> taken = {});

// Several Attachment::inside as one: the last message alone asks for an acknowledgement. Pure.
[[nodiscard]] std::vector<std::uint8_t> join_batches(
    const std::vector<std::vector<std::uint8_t>>& batches);

// Just lo: what a container with no network gets. Also ports below 1024 and ping for all.
void prepare_lonely(int netns_fd);

// What /etc/resolv.conf of an attached container says: our name server, and the host's own search
// domains and options. Pure.
[[nodiscard]] std::string make_resolv_conf(const IpAddress& name_server,
                                           std::string_view host_resolv_conf);

}  // namespace sandbox::net
