#include "engine/supervisor/limit_operations.hpp"

#include <utility>

#include "engine/container_cgroup.hpp"
#include "engine/flags/option_resources.hpp"
#include "engine/limit_change.hpp"
#include "engine/process_usage.hpp"
#include "engine/saved_request.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

kernel::UnmetLimits apply(LaunchedContainer& launched, const json::Value& request,
                          const json::Value& pids) {
    kernel::ResourceLimits limits = parse_resources(request_from_json(request)).limits;
    limits.pids = pids.try_u64();
    if (limits.pids == 0) limits.pids.reset();
    if (const kernel::Cgroup* cgroup = launched.cgroup.get()) return cgroup->set(limits);
    if (limits.empty()) return {};
    return {kernel::limit_names(limits), "it runs without a cgroup"};
}

void update(LiveContainer& live, ControlCall& call) {
    const RunRequest wish = request_from_json(call.request()["wish"]);
    json::Value record = with_limits(live.record(), wish);
    kernel::UnmetLimits unmet;
    if (LaunchedContainer* launched = live.launched()) {
        const json::Value unchanged;
        unmet =
            apply(*launched, record["request"], wish.pids_limit ? record["pids_limit"] : unchanged);
    }
    if (!unmet.empty() && wish.strict_limits) {
        throw base::Error(flags_of(unmet) + " cannot be enforced: " + unmet.why);
    }
    live.save_record(std::move(record));
    call.reply(json::Object{{"unmet", unmet.empty() ? "" : flags_of(unmet)}, {"why", unmet.why}});
}

json::Value number_or_null(const std::optional<std::uint64_t>& value) {
    return value ? json::Value(*value) : json::Value(nullptr);
}

void usage(LiveContainer& live, ControlCall& call) {
    LaunchedContainer* launched = live.launched();
    if (launched == nullptr) throw base::Error("the container is not running");
    kernel::CgroupUsage usage;
    if (const kernel::Cgroup* cgroup = launched->cgroup.get()) usage = cgroup->usage();
    // A cgroup without the memory controller counts processor time only.
    if (!usage.memory_bytes) {
        const kernel::CgroupUsage tree = usage_of_tree(launched->init.pid());
        usage.memory_bytes = tree.memory_bytes;
        if (launched->cgroup.get() == nullptr) {
            usage.cpu_ns = tree.cpu_ns;
            usage.tasks = tree.tasks;
        }
    }
    // The host's own interfaces count everybody's.
    std::optional<NetworkUsage> network;
    if (live.spec()->network != NetworkMode::host) {
        network = network_usage_of(launched->init.pid());
    }
    const auto bytes = [&](std::uint64_t NetworkUsage::*member) {
        return network ? json::Value(*network.*member) : json::Value(nullptr);
    };
    call.reply(json::Object{{"cpu_ns", usage.cpu_ns},
                            {"received", bytes(&NetworkUsage::received_bytes)},
                            {"sent", bytes(&NetworkUsage::sent_bytes)},
                            {"memory", number_or_null(usage.memory_bytes)},
                            {"limit", number_or_null(usage.memory_limit_bytes)},
                            {"tasks", usage.tasks},
                            {"read", number_or_null(usage.read_bytes)},
                            {"written", number_or_null(usage.written_bytes)}});
}

}  // namespace

void add_limit_operations(LiveContainer& live) {
    live.server().on("limit", [&live](ControlCall call) { update(live, call); });
    live.server().on("usage", [&live](ControlCall call) { usage(live, call); });
}

}  // namespace sandbox::engine
