// What a container is doing, beside its record: containers/<id>/state.json. Whoever holds the
// container's lock writes it by rename at each change, without fsync: after a power cut an older
// state is as good, since nobody holds the lock then. Truth is the lock: a state of a running
// container whose lock nobody holds reads as ended. The pid is for display only, never signalled.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/store/network_facts.hpp"

namespace sandbox::store {

// One run of a health check.
struct HealthProbe {
    std::int64_t start_ns = 0, end_ns = 0;  // Unix time
    int exit_code = 0;
    std::string output;  // at most 4 KiB
};

struct ContainerState {
    enum class Status { created, running, paused, restarting, exited };
    Status status = Status::created;
    pid_t pid = 0;                                 // of pid 1 as the host sees it; 0: none
    std::int64_t started_ns = 0, finished_ns = 0;  // Unix time; 0: never
    int exit_code = 0;
    bool oom_killed = false;
    std::string error;  // why it could not be started, or how it was lost
    std::uint32_t restart_count = 0;
    bool stopped_by_user = false;  // by stop or kill: `unless-stopped` does not start it again
    std::string health;            // "", "starting", "healthy", "unhealthy"
    std::uint32_t failing_streak = 0;
    NetworkFacts network;                 // of a life that goes on
    std::vector<HealthProbe> health_log;  // the last five, oldest first
};

// docker's words: "created", "running", "paused", "restarting", "exited".
[[nodiscard]] std::string_view status_name(ContainerState::Status status) noexcept;
// It has processes, or will have again by itself.
[[nodiscard]] bool is_active(ContainerState::Status status) noexcept;

// `live`: its lock is held. A missing file: created. Not live, and the file says that it is active:
// exited with 137 and the error "its supervisor was killed". A damaged file: exited, with an error.
// A summary is what a listing shows: without probes and networks.
enum class StatePart { whole, summary };
[[nodiscard]] ContainerState load_state(int container_dir_fd, bool live,
                                        StatePart part = StatePart::whole);
// Must hold the container's lock.
void save_state(int container_dir_fd, const ContainerState& state);

// The document that is kept and sent.
[[nodiscard]] base::json::Value state_to_json(const ContainerState& state);
[[nodiscard]] ContainerState state_from_json(const base::json::Value& document);

}  // namespace sandbox::store
