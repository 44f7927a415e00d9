#include "engine/limit_change.hpp"

#include <utility>

#include "engine/flags/option_flags.hpp"
#include "engine/flags/option_resources.hpp"
#include "engine/restart_policy.hpp"
#include "engine/saved_request.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

void overlay(const std::optional<std::string>& wish, std::optional<std::string>& into) {
    if (wish) into = wish;
}

RunRequest merge(RunRequest request, const RunRequest& wish) {
    overlay(wish.memory, request.memory);
    overlay(wish.memory_swap, request.memory_swap);
    // docker: more memory than the old sum of memory and swap needs a new sum; without one it
    // follows the memory again.
    if (wish.memory && !wish.memory_swap && request.memory_swap != "-1") {
        request.memory_swap.reset();
    }
    overlay(wish.memory_reservation, request.memory_reservation);
    if (wish.cpus) request.cpu_quota = request.cpu_period = std::nullopt;
    if (wish.cpu_quota || wish.cpu_period) request.cpus.reset();
    overlay(wish.cpus, request.cpus);
    overlay(wish.cpu_shares, request.cpu_shares);
    overlay(wish.cpu_quota, request.cpu_quota);
    overlay(wish.cpu_period, request.cpu_period);
    overlay(wish.cpuset_cpus, request.cpuset_cpus);
    overlay(wish.cpuset_mems, request.cpuset_mems);
    overlay(wish.blkio_weight, request.blkio_weight);
    overlay(wish.pids_limit, request.pids_limit);
    overlay(wish.restart, request.restart);
    request.strict_limits = request.strict_limits || wish.strict_limits;
    return request;
}

}  // namespace

json::Value with_limits(const json::Value& record, const RunRequest& wish) {
    const RunRequest merged = merge(request_from_json(record["request"]), wish);
    if (merged.restart) {
        const RestartPolicy policy = parse_restart_policy(*merged.restart);
        if (policy.kind != RestartPolicy::Kind::no && merged.remove == true) {
            throw base::UsageError("--restart and --rm contradict each other",
                                   "the container is removed when it ends");
        }
    }
    constexpr std::uint64_t kDefaultPids = 2048;
    json::Object changed = *record.as_object();
    changed["request"] = request_to_json(merged);
    changed["resources"] = json::Value(parse_resources(merged).document);
    changed["pids_limit"] = merged.pids_limit ? parse_pids_limit(*merged.pids_limit) : kDefaultPids;
    changed["restart"] = merged.restart.value_or("no");
    return json::Value(std::move(changed));
}

}  // namespace sandbox::engine
