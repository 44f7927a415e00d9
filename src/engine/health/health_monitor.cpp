#include "engine/health/health_monitor.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <utility>

#include "engine/exec/exec_base.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
constexpr std::chrono::nanoseconds kOnce{0};
constexpr size_t kMaxOutputBytes = 4096;
constexpr size_t kKeptProbes = 5;
constexpr int kNoAnswer = -1;  // docker's exit code for a probe that could not end
// A container that does not let us in must not hold up everything else that its supervisor does.
constexpr std::chrono::seconds kJoinPatience{2};
constexpr std::chrono::seconds kKillPatience{2};

std::int64_t clock_ns(clockid_t clock) {
    timespec now{};
    (void)::clock_gettime(clock, &now);  // cannot fail with these clocks
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::string seconds_text(std::chrono::nanoseconds time) {
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "%g",
                        std::chrono::duration<double>(time).count());
    return std::string(text.data()) + "s";
}

}  // namespace

HealthMonitor::HealthMonitor(base::PollLoop& loop, store::ContainerState& state,
                             std::function<void()> changed)
    : loop_(loop), state_(state), changed_(std::move(changed)) {}

HealthMonitor::~HealthMonitor() {
    stop();
}

void HealthMonitor::start(const ContainerSpec& spec, const NamespaceFds& namespaces,
                          std::function<base::UniqueFd()> cgroup_procs, IdentityService* identity) {
    stop();
    health_ = spec.health;
    state_.health = health_ ? "starting" : "";
    state_.failing_streak = 0;
    state_.health_log.clear();
    if (!health_) return;
    namespaces_ = &namespaces;
    identity_ = identity;
    cgroup_procs_ = std::move(cgroup_procs);
    spec_ = exec_spec_of(spec);
    spec_.argv = health_->argv;
    started_ns_ = clock_ns(CLOCK_MONOTONIC);
    plan_counted();
    plan_next();
}

void HealthMonitor::stop() noexcept {
    drop_watches();
    if (next_token_) loop_.remove(*std::exchange(next_token_, std::nullopt));
    running_.reset();
    output_.reset();
    namespaces_ = nullptr;
    identity_ = nullptr;
    health_.reset();
}

void HealthMonitor::drop_watches() noexcept {
    for (auto* token : {&timeout_token_, &exit_token_, &output_token_}) {
        if (*token) loop_.remove(*std::exchange(*token, std::nullopt));
    }
}

bool HealthMonitor::in_start_period() const {
    return clock_ns(CLOCK_MONOTONIC) - started_ns_ < health_->start_period.count();
}

void HealthMonitor::plan_counted() {
    const bool often = state_.health == "starting" && in_start_period();
    const auto wait =
        often ? std::min(health_->start_interval, health_->interval) : health_->interval;
    due_ns_ = clock_ns(CLOCK_MONOTONIC) + wait.count();
}

// Early tries come late by an eighth of the time that it took, and by what a try takes thrice: a
// slow one must not hold up the start itself.
std::int64_t HealthMonitor::early_pause_ns() const {
    constexpr std::int64_t kLeastNs = 20'000'000;
    const auto& log = state_.health_log;
    const std::int64_t last = log.empty() ? 0 : log.back().end_ns - log.back().start_ns;
    return std::max({kLeastNs, (clock_ns(CLOCK_MONOTONIC) - started_ns_) / 8, 3 * last});
}

void HealthMonitor::plan_next() {
    constexpr std::int64_t kAtOnceNs = 1;  // zero would disarm the timer
    std::int64_t wait = std::max(kAtOnceNs, due_ns_ - clock_ns(CLOCK_MONOTONIC));
    counts_ = true;
    if (health_->eager && state_.health == "starting" && early_pause_ns() < wait) {
        wait = early_pause_ns();
        counts_ = false;
    }
    next_token_ = loop_.add_timer(std::chrono::nanoseconds(wait), kOnce, [this] {
        next_token_.reset();
        probe();
    });
}

void HealthMonitor::probe() {
    // Stopped processes answer nothing: that says nothing about them.
    if (state_.status != store::ContainerState::Status::running) {
        plan_counted();
        plan_next();
        return;
    }
    text_.clear();
    timed_out_ = false;
    probe_start_ns_ = clock_ns(CLOCK_REALTIME);
    try {
        begin_probe();
    } catch (const base::Error& error) {
        drop_watches();
        running_.reset();
        output_.reset();
        conclude(kNoAnswer, error.message());
    }
}

void HealthMonitor::begin_probe() {
    base::Pipe pipe = base::make_pipe();
    output_ = std::move(pipe.read_end);
    const base::UniqueFd write_end = std::move(pipe.write_end);
    (void)raw::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    const base::UniqueFd null = base::open_at(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC);
    ExecContext context;
    context.stdio_fds = {null.get(), write_end.get(), write_end.get()};
    context.patience = kJoinPatience;
    base::UniqueFd cgroup;
    if (cgroup_procs_) cgroup = cgroup_procs_();
    context.cgroup_procs_fd = cgroup.get();
    context.on_listener = [this](const base::UniqueFd& listener, const IdentitySpec& user) {
        if (identity_ == nullptr) return;
        identity_->add_listener(listener.get(),
                                credentials_of(user, spec_.capabilities, spec_.no_new_privileges));
    };
    running_.emplace(start_exec(*namespaces_, spec_, context));
    timeout_token_ = loop_.add_timer(health_->timeout, kOnce, [this] { on_timeout(); });
    output_token_ = loop_.add_fd(output_.get(), EPOLLIN, [this](std::uint32_t) { on_output(); });
    exit_token_ =
        loop_.add_fd(running_->process.pid_fd(), EPOLLIN, [this](std::uint32_t) { on_exit(); });
}

// All of it is read, so that a talkative test is not held up; the first part is kept.
void HealthMonitor::on_output() {
    std::array<char, 4096> buffer;
    for (int round = 0; round < 16; ++round) {
        const long count = raw::read(output_.get(), buffer.data(), buffer.size());
        if (count == -EAGAIN || count == -EINTR) return;
        if (count <= 0) {
            if (output_token_) loop_.remove(*std::exchange(output_token_, std::nullopt));
            return;
        }
        const size_t room = kMaxOutputBytes - std::min(kMaxOutputBytes, text_.size());
        text_.append(buffer.data(), std::min(room, static_cast<size_t>(count)));
    }
}

// By its parent, which reaps it as well; that one goes when it does not do it.
void HealthMonitor::on_timeout() {
    timeout_token_.reset();
    if (timed_out_) {
        running_->process.signal(SIGKILL);
        return;
    }
    timed_out_ = true;
    request_kill(*running_);
    timeout_token_ = loop_.add_timer(kKillPatience, kOnce, [this] { on_timeout(); });
}

void HealthMonitor::on_exit() {
    on_output();
    drop_watches();
    output_.reset();  // what the test left behind in the background writes to nobody
    RunningExec running = std::move(*running_);
    running_.reset();
    int exit_code = kNoAnswer;
    std::string text = std::move(text_);
    try {
        const int code = finish_exec(running, spec_).shell_code();
        if (!timed_out_) exit_code = code;
    } catch (const base::Error& error) {
        exit_code = error.code();
        text = error.message();
    }
    if (timed_out_) {
        exit_code = kNoAnswer;
        text = "Health check exceeded timeout (" + seconds_text(health_->timeout) + ")" +
               (text.empty() ? "" : ": " + text);
    }
    conclude(exit_code, std::move(text));
}

void HealthMonitor::conclude(int exit_code, std::string output) {
    if (output.size() > kMaxOutputBytes) output.resize(kMaxOutputBytes);
    store::HealthProbe result;
    result.start_ns = probe_start_ns_;
    result.end_ns = clock_ns(CLOCK_REALTIME);
    result.exit_code = exit_code;
    result.output = std::move(output);
    auto& log = state_.health_log;
    log.push_back(std::move(result));
    if (log.size() > kKeptProbes) log.erase(log.begin());
    if (exit_code == 0) {
        state_.failing_streak = 0;
        state_.health = "healthy";
    } else if (counts_ && (state_.health != "starting" || !in_start_period())) {
        // While it starts, a failure is no news.
        ++state_.failing_streak;
        if (state_.failing_streak >= health_->retries) state_.health = "unhealthy";
    }
    changed_();
    if (!health_) return;
    if (counts_ || exit_code == 0) plan_counted();
    plan_next();
}

}  // namespace sandbox::engine
