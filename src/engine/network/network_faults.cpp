#include "sandbox/engine/network_faults.hpp"

#include "engine/network/network_plan.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/net/fault.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

constexpr int kFailure = base::exit_code::kFailure;

std::vector<store::NetworkPlace> places_of(const store::Store& store, const std::string& id) {
    const store::ContainerState state = observe_container(store, id);
    if (!store::is_active(state.status)) {
        throw base::Error("container " + base::quote(store::ContainerStore(store).find(id).name) +
                              " does not run",
                          "faults are between containers that run", kFailure);
    }
    return state.network.networks;
}

net::NetworkFault fault_of(const FaultWish& wish) {
    net::NetworkFault fault;
    fault.delay = wish.delay;
    fault.drop_ppm = wish.drop_ppm;
    fault.partition = wish.partition;
    return fault;
}

}  // namespace

void set_network_fault(const store::Store& store, const std::string& a_id, const std::string& b_id,
                       const FaultWish& wish) {
    if (a_id == b_id) {
        throw base::UsageError("a fault is between two containers", "name another one", kFailure);
    }
    bool shared = false;
    const std::vector<store::NetworkPlace> theirs = places_of(store, b_id);
    for (const store::NetworkPlace& a : places_of(store, a_id)) {
        for (const store::NetworkPlace& b : theirs) {
            if (a.id.empty() || a.id != b.id) continue;
            shared = true;
            net::NetworkFault fault = fault_of(wish);
            const auto from = net::try_parse_address(a.ipv4);
            const auto to = net::try_parse_address(b.ipv4);
            if (!from || !to) throw base::IntegrityError("a container's state has no address");
            fault.a = *from;
            fault.b = *to;
            base::with_context("network " + base::quote(a.name), [&] {
                net::set_fault(holder_place(store, find_network(store, a.name)), fault);
            });
        }
    }
    if (shared) return;
    throw base::Error("the two containers are on no network together",
                      "put both on one: sandbox network create NAME, run --network NAME", kFailure);
}

std::vector<FaultRow> list_network_faults(const store::Store& store) {
    std::vector<FaultRow> rows;
    for (const store::NetworkRecord& record : store::NetworkStore(store).list()) {
        for (const net::NetworkFault& fault : net::list_faults(holder_place(store, record))) {
            rows.push_back({fault.a_name,
                            fault.b_name,
                            record.name,
                            {fault.delay, fault.drop_ppm, fault.partition}});
        }
    }
    return rows;
}

}  // namespace sandbox::engine
