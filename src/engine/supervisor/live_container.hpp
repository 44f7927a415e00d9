// One container while its lock is ours: what it is doing (state.json) and the operations that other
// commands ask for on its control socket. Both kinds of supervisor use it: the process of its own
// behind a detached container, and the calling process of a foreground run.
//
// Operations (op → answer):
//   state {wanted?} → {state, name}; wanted: the caller waits for the lock
//   wait {condition: not-running|next-exit} → {exit_code, then}
//   stop {timeout?, signal?} → the same, when it has ended
//   kill {signal, removing?} → {}; KILL: as stop; removing: when nothing of it is left to do
// `then` is "goes on" (it starts again), "stays" or "goes" (its supervisor removes it). Whatever
// comes next, who waited for an end hears of that one.
//   restart {timeout?, signal?} → {} when it runs again; {"start": true}: the caller shall start it
//   pause, unpause → {}          rename {name} → {}        listening → {ports}
//   exec → what a program that joins needs (exec/exec_base.hpp)
//   exec-left {exec_id} and a pipe → {}: the end of a program that was left behind is told
//   identity {user, …} and a listener → {}: answers for a program that joined
//   files → {} and descriptors of the user and the mount namespace (cp, export)
#pragma once

#include <sys/ioctl.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/container_events.hpp"
#include "engine/control/server.hpp"
#include "engine/exec/exec_base.hpp"
#include "engine/exec/left_execs.hpp"
#include "engine/health/health_monitor.hpp"
#include "engine/launch.hpp"
#include "engine/restart_policy.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/store/container_state.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {

class LiveContainer {
  public:
    using Status = store::ContainerState::Status;

    // All are borrowed and outlive the object.
    LiveContainer(const store::Store& store, const store::OwnedContainer& container,
                  base::PollLoop& loop, base::json::Value record, bool foreground);
    LiveContainer(const LiveContainer&) = delete;
    LiveContainer& operator=(const LiveContainer&) = delete;
    ~LiveContainer();

    // Others put their operations in here.
    [[nodiscard]] ControlServer& server() noexcept { return server_; }
    [[nodiscard]] store::ContainerState& state() noexcept { return state_; }
    // Writes state.json. A full disk or a broken one is said to nobody here: the socket still tells
    // the truth.
    void save_state() noexcept;
    // As on the disk, kept up to date by rename and update.
    [[nodiscard]] const base::json::Value& record() const noexcept { return record_; }
    void save_record(base::json::Value record);
    // Between launched() and ended(); null otherwise.
    [[nodiscard]] LaunchedContainer* launched() noexcept { return launched_; }
    [[nodiscard]] const ContainerSpec* spec() const noexcept { return spec_; }
    // Freezes (true) or thaws all of the container's processes; absent: by signals.
    void set_freezer(std::function<void(bool)> freezer) { freezer_ = std::move(freezer); }
    // Called at each start and end, after the state has been changed: health checks, events.
    void on_rename(std::function<void(const std::string& name)> observer) {
        renamed_ = std::move(observer);
    }
    void on_change(std::function<void()> observer) { observers_.push_back(std::move(observer)); }

    void started(const ContainerSpec& spec, LaunchedContainer& launched);
    enum class Next { end, start_now, start_later };
    // `exit_code`: as a shell would say it. start_later: by wait_and_start().
    [[nodiscard]] Next ended(int exit_code);
    // A start that failed: docker keeps "created" for one that never ran.
    [[nodiscard]] Next failed_to_start(const base::Error& error);
    // Back-off of the restart policy: `start` is called when it is over, `give_up` when a user
    // stopped it meanwhile.
    void wait_and_start(std::function<void()> start, std::function<void()> give_up);
    // The end of this life was asked for, by whomever.
    [[nodiscard]] bool is_stopping() const noexcept { return stopping_; }
    // A restart was asked of a foreground run: the container must stay, whoever asked starts it.
    [[nodiscard]] bool is_start_wanted() const noexcept { return !restarts_.empty(); }
    // Everybody who waits for the last end hears it. The state must be final.
    void answer_all();
    // Called when somebody waits for the lock of a container that has ended.
    void on_wanted(std::function<void()> observer) { wanted_ = std::move(observer); }

    // As the op stop; without a client. `by_user`: it stays stopped.
    void stop(std::optional<std::int64_t> timeout_seconds, std::optional<int> signal, bool by_user);
    void kill(int signal);

    // For `events`.
    void tell(std::string action, const EventAttributes& attributes = {}) const noexcept;
    void tell_size(const winsize& size) const noexcept;

  private:
    void add_operations();
    void op_kill(ControlCall call);
    void op_stop(ControlCall call);
    void op_restart(ControlCall call);
    void op_wait(ControlCall call);
    void op_pause(ControlCall call, bool pause);
    void op_rename(ControlCall call);
    void require_running(std::string_view what) const;
    [[nodiscard]] bool is_over() const noexcept { return launched_ == nullptr && !restart_timer_; }
    void tell_wanted();
    [[nodiscard]] base::json::Value end_answer(Next next) const;
    void answer_waits(Next next);
    void set_frozen(bool frozen);
    void cancel_timer();
    void watch_identity();
    void forget_identity() noexcept;
    void notify();
    void on_probe();
    [[nodiscard]] std::string shown_name() const;
    [[nodiscard]] std::optional<ExecSource> exec_source() const;
    [[nodiscard]] base::UniqueFd open_cgroup_procs() const;

    const store::Store& store_;
    const store::OwnedContainer& container_;
    base::PollLoop& loop_;
    base::json::Value record_;
    bool foreground_;
    store::ContainerState state_;
    ControlServer server_;
    ExecService exec_;
    LeftExecs left_execs_;
    HealthMonitor health_;
    std::string told_health_;  // by an event
    const ContainerSpec* spec_ = nullptr;
    LaunchedContainer* launched_ = nullptr;
    std::function<void(bool)> freezer_;
    std::vector<std::function<void()>> observers_;
    std::function<void(const std::string&)> renamed_;
    std::function<void()> wanted_;
    RestartPolicy policy_;
    RestartBackoff backoff_;
    std::int64_t started_clock_ns_ = 0;  // monotonic
    bool stopping_ = false;
    bool stop_asked_ = false;  // for `events`: a kill is none
    bool restart_asked_ = false;
    bool ever_ran_ = false;
    base::UniqueFd identity_end_;  // readable: who answers for identities is gone
    std::optional<base::PollLoop::Token> identity_token_;
    std::optional<base::PollLoop::Token> kill_timer_, restart_timer_;
    std::chrono::milliseconds delay_{0};
    std::function<void()> start_again_, give_up_;
    std::vector<ControlCall> waits_, next_exit_waits_, removals_, restarts_;
};

}  // namespace sandbox::engine
