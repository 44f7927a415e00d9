#include "engine/supervisor/live_container.hpp"

#include <fcntl.h>
#include <sys/epoll.h>

#include <chrono>
#include <csignal>
#include <ctime>
#include <utility>

#include "engine/container_record.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;
constexpr std::chrono::nanoseconds kOnce{0};

std::int64_t clock_ns(clockid_t clock) {
    timespec now{};
    (void)::clock_gettime(clock, &now);  // cannot fail with these clocks
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

LiveContainer::LiveContainer(const store::Store& store, const store::OwnedContainer& container,
                             base::PollLoop& loop, json::Value record, bool foreground)
    : store_(store),
      container_(container),
      loop_(loop),
      record_(std::move(record)),
      foreground_(foreground),
      state_(store::load_state(container.dir.get(), true)),
      server_(loop, container.dir.get()),
      exec_(server_, [this] { return exec_source(); }),
      left_execs_(server_, loop,
                  [this](const std::string& exec_id, int exit_code) {
                      tell_exec_end(store_, container_.id, record_, exec_id, exit_code);
                  }),
      health_(loop, state_, [this] { on_probe(); }) {
    policy_ = record_restart_policy(record_);
    // Handed over by a foreground run whose policy wants more; anything else is a user's start.
    if (state_.status != Status::restarting) state_.restart_count = 0;
    add_operations();
}

LiveContainer::~LiveContainer() {
    cancel_timer();
    forget_identity();
    if (restart_timer_) loop_.remove(*restart_timer_);
}

base::UniqueFd LiveContainer::open_cgroup_procs() const {
    const kernel::Cgroup* cgroup = launched_ == nullptr ? nullptr : launched_->cgroup.get();
    if (cgroup == nullptr) return {};
    const int fd = base::raw::openat(cgroup->fd(), "cgroup.procs", O_WRONLY | O_CLOEXEC);
    return base::UniqueFd(fd < 0 ? -1 : fd);
}

std::string LiveContainer::shown_name() const {
    return record_.string_or("name", container_.id.substr(0, 12));
}

void LiveContainer::save_state() noexcept {
    try {
        store::save_state(container_.dir.get(), state_);
    } catch (const std::exception& error) {
        base::log::debug(error.what());
    }
}

void LiveContainer::save_record(json::Value record) {
    store::ContainerStore(store_).save_record(container_, record);
    record_ = std::move(record);
    policy_ = record_restart_policy(record_);
}

void LiveContainer::notify() {
    for (const auto& observer : observers_) observer();
}

void LiveContainer::tell(std::string action, const EventAttributes& attributes) const noexcept {
    tell_container(store_, container_.id, record_, std::move(action), attributes);
}

void LiveContainer::tell_size(const winsize& size) const noexcept {
    tell("resize",
         {{"height", std::to_string(size.ws_row)}, {"width", std::to_string(size.ws_col)}});
}

void LiveContainer::on_probe() {
    save_state();
    notify();
    if (state_.health == told_health_) return;
    told_health_ = state_.health;
    tell("health_status: " + told_health_);
}

void LiveContainer::cancel_timer() {
    if (kill_timer_) loop_.remove(*std::exchange(kill_timer_, std::nullopt));
}

// Without it every trapped call fails: a program that goes on would take root for somebody else.
void LiveContainer::watch_identity() {
    forget_identity();
    if (!launched_->identity) return;
    const int fd = base::raw::fcntl(launched_->identity->pid_fd(), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) return;
    identity_end_.reset(fd);
    identity_token_ = loop_.add_fd(fd, EPOLLIN, [this](std::uint32_t) {
        forget_identity();
        if (launched_ == nullptr || !launched_->identity) return;  // at the container's own end
        state_.error = "the process that emulates identities has ended";
        base::log::warning(state_.error + ": the container is killed");
        launched_->init.signal(SIGKILL);
    });
}

void LiveContainer::forget_identity() noexcept {
    if (identity_token_) loop_.remove(*std::exchange(identity_token_, std::nullopt));
    identity_end_.reset();
}

void LiveContainer::started(const ContainerSpec& spec, LaunchedContainer& launched) {
    spec_ = &spec;
    launched_ = &launched;
    watch_identity();
    freezer_ = nullptr;
    if (const kernel::Cgroup* cgroup = launched.cgroup.get()) {
        freezer_ = [cgroup](bool frozen) { cgroup->freeze(frozen); };
    }
    stopping_ = false;
    ever_ran_ = true;
    started_clock_ns_ = clock_ns(CLOCK_MONOTONIC);
    state_.status = Status::running;
    state_.pid = launched.init.pid();
    state_.network = launched.network;
    state_.started_ns = clock_ns(CLOCK_REALTIME);
    state_.exit_code = 0;
    state_.oom_killed = false;
    state_.error.clear();
    state_.stopped_by_user = false;
    exec_.forget();
    health_.start(
        spec, launched.namespaces, [this] { return open_cgroup_procs(); }, launched.identity.get());
    told_health_ = state_.health;
    save_state();
    notify();
    tell_volumes(store_, container_.id, record_, true);
    tell_networks(store_, container_.id, state_.network, true);
    tell("start");
    if (!restarts_.empty()) tell("restart");
    for (ControlCall& call : std::exchange(restarts_, {})) call.reply();
}

LiveContainer::Next LiveContainer::ended(int exit_code) {
    health_.stop();
    forget_identity();
    if (launched_ != nullptr) state_.oom_killed = launched_->cgroup.oom_killed();
    launched_ = nullptr;
    cancel_timer();
    state_.pid = 0;
    const store::NetworkFacts networks = std::exchange(state_.network, {});
    state_.exit_code = exit_code;
    state_.finished_ns = clock_ns(CLOCK_REALTIME);
    const std::chrono::nanoseconds life{clock_ns(CLOCK_MONOTONIC) - started_clock_ns_};
    Next next = Next::end;
    if (restart_asked_) {
        restart_asked_ = false;
        backoff_.reset();
        next = Next::start_now;
    } else if (!stopping_ &&
               wants_restart(policy_, exit_code, state_.stopped_by_user, state_.restart_count)) {
        next = Next::start_later;
    }
    if (next == Next::start_later) {
        delay_ = backoff_.next(life);
        ++state_.restart_count;
    }
    state_.status = next == Next::end ? Status::exited : Status::restarting;
    save_state();
    notify();
    if (state_.oom_killed) tell("oom");
    tell_end(store_, container_.id, record_, exit_code, networks,
             std::chrono::duration_cast<std::chrono::seconds>(life).count());
    if (stop_asked_) tell("stop");
    stop_asked_ = false;
    answer_waits(next);
    return next;
}

LiveContainer::Next LiveContainer::failed_to_start(const base::Error& error) {
    health_.stop();
    launched_ = nullptr;
    state_.pid = 0;
    state_.exit_code = error.code() != 0 ? error.code() : base::exit_code::kEngine;
    state_.error = error.message();
    for (ControlCall& call : std::exchange(restarts_, {})) call.fail(error);
    Next next = Next::end;
    if (ever_ran_) {
        state_.finished_ns = clock_ns(CLOCK_REALTIME);
        if (!stopping_ && wants_restart(policy_, state_.exit_code, state_.stopped_by_user,
                                        state_.restart_count)) {
            next = Next::start_later;
            delay_ = backoff_.next(std::chrono::nanoseconds{0});
            ++state_.restart_count;
        }
    }
    if (next == Next::start_later) {
        state_.status = Status::restarting;
    } else if (state_.started_ns != 0) {
        state_.status = Status::exited;
    }
    save_state();
    notify();
    if (ever_ran_) answer_waits(next);
    return next;
}

void LiveContainer::wait_and_start(std::function<void()> start, std::function<void()> give_up) {
    start_again_ = std::move(start);
    give_up_ = std::move(give_up);
    restart_timer_ = loop_.add_timer(delay_, kOnce, [this] {
        restart_timer_.reset();
        give_up_ = nullptr;
        std::exchange(start_again_, nullptr)();
    });
}

json::Value LiveContainer::end_answer(Next next) const {
    const char* const then = next != Next::end       ? "goes on"
                             : record_keeps(record_) ? "stays"
                                                     : "goes";
    return json::Object{{"exit_code", state_.exit_code}, {"then", then}};
}

void LiveContainer::answer_waits(Next next) {
    const json::Value answer = end_answer(next);
    // Some wait for the lock now, or for its removal.
    const bool goes = !record_keeps(record_) && !waits_.empty();
    if (next == Next::end && (goes || !removals_.empty())) tell_wanted();
    for (ControlCall& call : std::exchange(waits_, {})) call.reply(answer);
    for (ControlCall& call : std::exchange(next_exit_waits_, {})) call.reply(answer);
}

void LiveContainer::tell_wanted() {
    if (is_over() && wanted_) wanted_();
}

void LiveContainer::answer_all() {
    answer_waits(Next::end);
    for (ControlCall& call : std::exchange(removals_, {})) call.reply();
    for (ControlCall& call : std::exchange(restarts_, {})) {
        call.reply(json::Object{{"start", true}});
    }
}

void LiveContainer::stop(std::optional<std::int64_t> timeout_seconds, std::optional<int> signal,
                         bool by_user) {
    stopping_ = true;
    if (by_user) state_.stopped_by_user = true;
    if (restart_timer_) {
        loop_.remove(*std::exchange(restart_timer_, std::nullopt));
        state_.status = Status::exited;
        save_state();
        notify();
        answer_waits(Next::end);
        if (const auto give_up = std::exchange(give_up_, nullptr)) give_up();
        return;
    }
    if (launched_ == nullptr) return;
    stop_asked_ = true;
    launched_->init.signal(signal.value_or(spec_->stop_signal));
    tell("kill", {{"signal", std::to_string(signal.value_or(spec_->stop_signal))}});
    if (state_.status == Status::paused) set_frozen(false);
    save_state();
    const std::int64_t timeout = timeout_seconds.value_or(spec_->stop_timeout_seconds);
    if (timeout < 0) return;  // docker: waits for ever
    cancel_timer();           // the latest wish counts
    kill_timer_ = loop_.add_timer(std::chrono::seconds(timeout), kOnce, [this] {
        kill_timer_.reset();
        if (launched_ != nullptr) launched_->init.signal(SIGKILL);
    });
}

void LiveContainer::kill(int signal) {
    const bool is_end = signal == SIGKILL || (spec_ != nullptr && signal == spec_->stop_signal);
    if (is_end) {
        state_.stopped_by_user = true;
        stopping_ = true;
        save_state();
    }
    if (launched_ == nullptr) return;
    launched_->init.signal(signal);
    tell("kill", {{"signal", std::to_string(signal)}});
    // As docker: one that is asked to end can do so. KILL needs nobody's help.
    if (is_end && signal != SIGKILL && state_.status == Status::paused) set_frozen(false);
}

}  // namespace sandbox::engine
