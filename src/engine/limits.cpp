#include "sandbox/engine/limits.hpp"

#include <fcntl.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "engine/container_events.hpp"
#include "engine/flags/option_flags.hpp"
#include "engine/flags/option_resources.hpp"
#include "engine/restart_policy.hpp"
#include "engine/saved_request.hpp"
#include "engine/settled.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/container_store.hpp"

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

struct Changed {
    json::Value request, resources;
    std::uint64_t pids_limit = 0;
    std::string restart;
};

Changed change(const json::Value& record, const RunRequest& wish) {
    const RunRequest merged = merge(request_from_json(record["request"]), wish);
    if (merged.restart) {
        const RestartPolicy policy = parse_restart_policy(*merged.restart);
        if (policy.kind != RestartPolicy::Kind::no && merged.remove == true) {
            throw base::UsageError("--restart and --rm contradict each other",
                                   "the container is removed when it ends");
        }
    }
    constexpr std::uint64_t kDefaultPids = 2048;
    return {request_to_json(merged), json::Value(parse_resources(merged).document),
            merged.pids_limit ? parse_pids_limit(*merged.pids_limit) : kDefaultPids,
            merged.restart.value_or("no")};
}

std::uint64_t machine_memory_bytes() {
    constexpr size_t kMaxBytes = 64u << 10;
    const base::UniqueFd fd = base::open_at(AT_FDCWD, "/proc/meminfo", O_RDONLY);
    for (const std::string& line : base::split(base::read_fd(fd.get(), kMaxBytes), '\n')) {
        if (!line.starts_with("MemTotal:")) continue;
        std::string_view text = base::trim(std::string_view(line).substr(9));
        if (text.ends_with(" kB")) text.remove_suffix(3);
        return base::try_parse_u64(text).value_or(0) * 1024;
    }
    return 0;
}

std::int64_t monotonic_ns() {
    timespec now{};
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail with this clock
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::optional<std::string> update_container(const store::Store& store, const std::string& name,
                                            const RunRequest& wish) {
    const store::ContainerStore containers(store);
    const store::ContainerEntry entry = containers.find(name);
    Patience patience("container " + base::quote(entry.name));
    Settled settled = settle(store, entry.id, patience);
    // Read anew: now nobody but us or its supervisor changes it.
    const json::Value record = containers.find(entry.id).record;
    const Changed changed = change(record, wish);
    if (settled.owned) {
        json::Object object = *record.as_object();
        object["request"] = changed.request;
        object["resources"] = changed.resources;
        object["pids_limit"] = changed.pids_limit;
        object["restart"] = changed.restart;
        containers.save_record(*settled.owned, json::Value(std::move(object)));
        tell_container(store, entry.id, record, "update");
        return std::nullopt;
    }
    json::Object request{{"op", "update"},
                         {"request", changed.request},
                         {"resources", changed.resources},
                         {"pids_limit", changed.pids_limit},
                         {"restart", changed.restart},
                         {"strict", wish.strict_limits}};
    if (wish.pids_limit) request.append("changed_pids", changed.pids_limit);
    const json::Value answer = settled.client->call(json::Value(std::move(request))).value;
    tell_container(store, entry.id, record, "update");
    const std::string unmet = answer.string_or("unmet");
    if (unmet.empty()) return std::nullopt;
    return unmet + ": " + answer.string_or("why");
}

ContainerUsage measure_container(const store::Store& store, const std::string& name) {
    const store::ContainerEntry entry = store::ContainerStore(store).find(name);
    ContainerUsage usage;
    usage.id = entry.id;
    usage.name = entry.name;
    if (!entry.live) return usage;
    auto client = ControlClient::try_connect(store, entry.id);
    if (!client) return usage;
    json::Value answer;
    try {
        answer = client->call(json::Object{{"op", "usage"}}).value;
    } catch (const base::Error&) {  // it ends just now, or waits to be started again
        return usage;
    }
    const auto number = [&](const char* key) { return answer[key].try_u64(); };
    usage.running = true;
    usage.moment_ns = monotonic_ns();
    usage.cpu_ns = number("cpu_ns").value_or(0);
    usage.memory_bytes = number("memory").value_or(0);
    const std::uint64_t machine = machine_memory_bytes();
    usage.memory_limit_bytes = std::min(number("limit").value_or(machine), machine);
    usage.tasks = number("tasks").value_or(0);
    usage.read_bytes = number("read");
    usage.written_bytes = number("written");
    usage.received_bytes = number("received");
    usage.sent_bytes = number("sent");
    return usage;
}

}  // namespace sandbox::engine
