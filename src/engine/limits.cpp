#include "sandbox/engine/limits.hpp"

#include <fcntl.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "engine/container_events.hpp"
#include "engine/limit_change.hpp"
#include "engine/saved_request.hpp"
#include "engine/settled.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

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
    // Read anew: now nobody but us or its supervisor changes it, which merges by itself.
    const json::Value record = containers.find(entry.id).record;
    const json::Value changed = with_limits(record, wish);
    if (settled.owned) {
        containers.save_record(*settled.owned, changed);
        tell_container(store, entry.id, record, "update");
        return std::nullopt;
    }
    const json::Object request{{"op", "limit"}, {"wish", request_to_json(wish)}};
    const json::Value answer = settled.client->call(json::Value(request)).value;
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
