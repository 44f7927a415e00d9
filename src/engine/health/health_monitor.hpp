// Health checks: the supervisor runs the container's test in it, now and then, and keeps what came
// out in the container's state. One probe at a time; nothing here waits longer than a program needs
// to join.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/exec/join.hpp"
#include "engine/identity/identity_service.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/store/container_state.hpp"

namespace sandbox::engine {

class HealthMonitor {
  public:
    // `changed`: the state has a new probe or another health; the owner writes it down.
    HealthMonitor(base::PollLoop& loop, store::ContainerState& state,
                  std::function<void()> changed);
    ~HealthMonitor();
    HealthMonitor(const HealthMonitor&) = delete;
    HealthMonitor& operator=(const HealthMonitor&) = delete;

    // The container has started; `namespaces` is borrowed until stop(). Without a health check in
    // the spec: nothing. The owner writes the new state down. `cgroup_procs`: opens the container's
    // cgroup.procs, may answer none. `identity`: of emulated identities, borrowed like
    // `namespaces`.
    void start(const ContainerSpec& spec, const NamespaceFds& namespaces,
               std::function<base::UniqueFd()> cgroup_procs = {},
               IdentityService* identity = nullptr);
    // It has ended: a probe that runs is killed.
    void stop() noexcept;

  private:
    void plan_counted();
    void plan_next();
    [[nodiscard]] std::int64_t early_pause_ns() const;
    void probe();
    void begin_probe();
    void on_output();
    void on_timeout();
    void on_exit();
    void conclude(int exit_code, std::string output);
    void drop_watches() noexcept;
    [[nodiscard]] bool in_start_period() const;

    base::PollLoop& loop_;
    store::ContainerState& state_;
    std::function<void()> changed_;
    std::function<base::UniqueFd()> cgroup_procs_;
    std::optional<HealthSpec> health_;
    const NamespaceFds* namespaces_ = nullptr;
    IdentityService* identity_ = nullptr;
    ExecSpec spec_;
    std::optional<RunningExec> running_;
    base::UniqueFd output_;
    std::string text_;
    bool timed_out_ = false;
    std::int64_t started_ns_ = 0;  // monotonic, of the container
    std::int64_t probe_start_ns_ = 0;
    std::int64_t due_ns_ = 0;  // monotonic: the next try that counts
    bool counts_ = true;
    std::optional<base::PollLoop::Token> next_token_, timeout_token_, exit_token_, output_token_;
};

}  // namespace sandbox::engine
