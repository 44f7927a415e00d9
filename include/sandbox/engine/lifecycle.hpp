// The life of containers that exist: what their supervisors are asked for, and what is done without
// one when there is none. Names are names, ids or unique id prefixes; each call throws
// NotFoundError "no such container: …" (1). Must be called in a process with one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/store/container_state.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

struct StopWish {
    // Absent: as the container was made (--stop-timeout, else 10). Negative: waits for ever.
    std::optional<std::int64_t> timeout_seconds;
    std::string signal;  // empty: as the container was made
};

// Answers when its payload has been executed. One that runs already is fine; two at once are, too.
// Throws with 127, 126, 125 for what cannot be executed.
void start_container(const store::Store& store, const std::string& name);
// Answers when it has ended and its lock is free (or it is removed). One that does not run is fine.
void stop_container(const store::Store& store, const std::string& name, const StopWish& wish);
// One that does not run is started.
void restart_container(const store::Store& store, const std::string& name, const StopWish& wish);
// `signal`: a name or number. Throws when it does not run, or there is no such signal.
void signal_container(const store::Store& store, const std::string& name,
                      const std::string& signal);

enum class WaitCondition { not_running, next_exit, removed };
// "not-running" ("" too), "next-exit", "removed" and podman's words. Throws UsageError.
[[nodiscard]] WaitCondition parse_wait_condition(std::string_view text);
// Answers the exit code.
[[nodiscard]] int wait_container(const store::Store& store, const std::string& name,
                                 WaitCondition condition);
void pause_container(const store::Store& store, const std::string& name, bool pause);
void rename_container(const store::Store& store, const std::string& name,
                      const std::string& new_name);

// `former`, which must have ended, goes with its anonymous volumes, if `volumes`, and `successor`,
// which was only created, has its name or another one: all, or the successor is removed and what
// was wrong thrown. Nobody else can remove it meanwhile.
void replace_container(const store::Store& store, const std::string& former,
                       const std::string& successor, const std::string& name, bool volumes);

// What is true now: from the supervisor when it can be asked, else from the disk.
[[nodiscard]] store::ContainerState observe_container(const store::Store& store,
                                                      const std::string& id);
// The same; absent: there is no such container any more.
[[nodiscard]] std::optional<store::ContainerState> try_observe_container(const store::Store& store,
                                                                         const std::string& id);
// Ports that somebody in the container listens on and that others can reach: "80/tcp", sorted.
// Absent: it does not run, or its sockets cannot be seen.
[[nodiscard]] std::optional<std::vector<std::string>> try_listening_ports(const store::Store& store,
                                                                          const std::string& id);
// `start --all`: whether the container's restart policy and its past want it to run.
[[nodiscard]] bool wants_boot_start(const store::Store& store, const std::string& id);

// The process behind a detached container; only start_container() and its like start it, with the
// descriptors that it needs. Answers when the container has ended for good.
// `streams`: what of them is handed to who started us: "none", "out", "inout".
int supervise_detached(const std::string& store_root, const std::string& id,
                       const std::string& streams) noexcept;

}  // namespace sandbox::engine
