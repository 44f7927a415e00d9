// Limits of containers that exist, and what they use. Names are names, ids or unique id prefixes;
// each call throws NotFoundError "no such container: …" (1). Must be called in a process with one
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/engine/run.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// What is set in `wish` (its limits, pids_limit, restart, strict_limits) takes the place of what
// the container has, at once when it runs. Answers "--memory: why" when a running container's
// limit is kept for its next start only; with wish.strict_limits that is an Error and nothing is
// changed. Throws UsageError for bad values.
[[nodiscard]] std::optional<std::string> update_container(const store::Store& store,
                                                          const std::string& name,
                                                          const RunRequest& wish);

struct ContainerUsage {
    std::string id, name;
    bool running = false;
    std::uint64_t cpu_ns = 0;    // since its start
    std::int64_t moment_ns = 0;  // CLOCK_MONOTONIC, of this sample
    std::uint64_t memory_bytes = 0;
    std::uint64_t memory_limit_bytes = 0;  // the machine's when there is no other
    std::uint64_t tasks = 0;
    std::optional<std::uint64_t> read_bytes, written_bytes;   // absent: nobody counts them
    std::optional<std::uint64_t> received_bytes, sent_bytes;  // with the host's network: absent
};
[[nodiscard]] ContainerUsage measure_container(const store::Store& store, const std::string& name);

}  // namespace sandbox::engine
