// Theory. One thread, one loop. The lock came with us over exec and goes with our last breath: who
// sees it free may take the container, and what state.json says then is the truth or, when we were
// killed, is read as "killed". Pid 1 of the container dies with us (PDEATHSIG), so that no
// container is ever without a supervisor. Each start, the first and those of the restart policy,
// is made from the record: what was learnt for the last one is thrown away.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "engine/container_record.hpp"
#include "engine/control/packet.hpp"
#include "engine/dead_containers.hpp"
#include "engine/network/container_network.hpp"
#include "engine/saved_container.hpp"
#include "engine/supervise.hpp"
#include "engine/supervisor/attach_server.hpp"
#include "engine/supervisor/follow_up.hpp"
#include "engine/supervisor/live_container.hpp"
#include "engine/supervisor/network_operations.hpp"
#include "engine/supervisor/payload_streams.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/engine/lifecycle.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

constexpr int kLockFd = 3;
constexpr int kReportFd = 4;
constexpr std::chrono::nanoseconds kOnce{0};
// After the start: by then it is clear that the container stays.
constexpr std::chrono::milliseconds kQuiet{500};

class DetachedSupervisor {
  public:
    DetachedSupervisor(const std::string& root, const std::string& id, std::string streams);
    int run();

  private:
    void start();
    [[nodiscard]] bool is_removed() const;
    void launch_again(bool by_policy);
    void on_signal(const signalfd_siginfo& info);
    void on_exit();
    void go_on(LiveContainer::Next next);
    void end();
    void retire_streams();
    void add_stream_operations();
    void report(const json::Value& value, std::span<const int> fds = {});
    void report_start();
    void remove_container();

    base::UniqueFd report_fd_{kReportFd};
    std::string first_streams_;  // "none", "out", "inout": for who started us
    store::Store store_;
    store::OwnedContainer container_;
    SignalGate gate_;
    std::optional<LiveContainer> live_;
    FollowUps follow_ups_{store_, container_.id, gate_.loop()};
    std::string follow_up_;
    std::unique_ptr<SavedContainer> saved_;
    std::optional<LaunchedContainer> launched_;
    std::unique_ptr<ContainerNetwork> network_;
    std::unique_ptr<PayloadStreams> streams_;
    // Of lives that are over: clients that have not read all yet.
    std::list<std::unique_ptr<PayloadStreams>> retired_;
    bool ending_ = false;
    std::optional<base::PollLoop::Token> exit_token_, timeout_token_;
    bool keep_ = true;
};

store::OwnedContainer adopt_container(const store::Store& store, const std::string& id) {
    base::UniqueFd lock(kLockFd);
    (void)base::raw::fcntl(kLockFd, F_SETFD, FD_CLOEXEC);
    (void)base::raw::fcntl(kReportFd, F_SETFD, FD_CLOEXEC);
    base::UniqueFd dir =
        base::open_at(store.containers_fd(), id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return {id, std::move(dir), base::FileLock::adopt(std::move(lock))};
}

DetachedSupervisor::DetachedSupervisor(const std::string& root, const std::string& id,
                                       std::string streams)
    : first_streams_(std::move(streams)),
      store_(store::Store::open_at(root)),
      container_(adopt_container(store_, id)) {
    gate_.serve([this](const signalfd_siginfo& info) { on_signal(info); });
    json::Value record = store::ContainerStore(store_).find(id).record;
    keep_ = record_keeps(record);
    // From now on it is as a foreground run with --rm: whoever finds it dead removes it.
    if (!keep_) forget_kept(container_);
    forget_doomed(container_);
    follow_up_ = record["request"].string_or("follow_up");
    live_.emplace(store_, container_, gate_.loop(), std::move(record), false);
    add_stream_operations();
    live_->on_wanted([this] {
        for (const auto& former : retired_) former->hurry();
    });
    gate_.loop().save_memory_after(kQuiet);
}

// Nothing has been read yet: whoever wants the streams gets all of them.
void DetachedSupervisor::report_start() {
    OutputHub* const hub = streams_ ? streams_->hub() : nullptr;
    if (hub == nullptr || first_streams_ == "none") {
        report(json::Object{{"started", true}});
        return;
    }
    const base::UniqueFd end = hub->attach({first_streams_ == "inout", true, true});
    const int fds[] = {end.get()};
    report(json::Object{{"started", true}, {"tty", hub->tty()}}, fds);
}

void DetachedSupervisor::report(const json::Value& value, std::span<const int> fds) {
    if (!report_fd_) return;
    // Who asked may be gone: the container runs all the same, and `ps` shows it.
    (void)control::send_packet(report_fd_.get(), value, fds);
    report_fd_.reset();
    const int null = base::raw::openat(AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC);
    if (null < 0) return;
    const base::UniqueFd owner(null);
    (void)base::raw::dup3(null, STDERR_FILENO, 0);
}

void DetachedSupervisor::start() {
    saved_ = std::make_unique<SavedContainer>(
        load_saved_container(store_, container_.id, live_->record()));
    ContainerSpec& spec = saved_->draft.spec;
    streams_ = std::make_unique<PayloadStreams>(gate_.loop(), container_.dir.get(), spec,
                                                store::log_options_from(live_->record()["log"]));
    LaunchContext context{store_, container_.dir.get(), streams_->stdio_fds(), std::nullopt};
    context.wants_cgroup = true;
    context.stays = true;
    launched_ = launch_attached(spec, context, gate_.loop(), network_);
    saved_->volumes->mark_seeded(true);
    // Who started it with -i is its input, as in docker.
    streams_->begin(*launched_, first_streams_ == "inout" && report_fd_);
    exit_token_ = gate_.loop().add_fd(launched_->init.pid_fd(), EPOLLIN,
                                      [this](std::uint32_t) { on_exit(); });
    if (const auto limit = saved_->request.timeout_seconds; limit && *limit > 0) {
        timeout_token_ = gate_.loop().add_timer(std::chrono::seconds(*limit), kOnce, [this] {
            timeout_token_.reset();
            live_->kill(SIGKILL);
        });
    }
    live_->started(spec, *launched_);
    saved_->volumes.reset();  // what only the launch needed
}

// By hand, or with the whole store: there is nothing to start any more, and nobody to tell. Whoever
// removes the directory while a state is written into it leaves some of it: the record counts.
bool DetachedSupervisor::is_removed() const {
    return !store::ContainerStore(store_).has_record(container_.id);
}

void DetachedSupervisor::launch_again(bool by_policy) {
    if (is_removed()) return end();
    try {
        start();
        if (by_policy) follow_ups_.start(follow_up_, "restarted", live_->state());
    } catch (const base::Error& error) {
        launched_.reset();
        network_.reset();
        streams_.reset();
        go_on(live_->failed_to_start(error));
    }
}

void DetachedSupervisor::on_exit() {
    gate_.loop().remove(*std::exchange(exit_token_, std::nullopt));
    if (timeout_token_) gate_.loop().remove(*std::exchange(timeout_token_, std::nullopt));
    const int exit_code = collect_exit(*launched_).shell_code();
    retire_streams();
    const LiveContainer::Next next = live_->ended(exit_code);
    launched_.reset();
    network_.reset();
    saved_.reset();
    go_on(next);
}

// What it said last is in the log before anybody hears that it is gone; clients that are slower
// than that hold up neither the next life nor the state.
void DetachedSupervisor::retire_streams() {
    const auto retired = retired_.insert(retired_.end(), std::move(streams_));
    (*retired)->finish([this, retired] {
        gate_.loop().add_timer(kOnce, kOnce, [this, retired] {
            retired_.erase(retired);
            if (ending_ && retired_.empty()) gate_.loop().stop();
        });
    });
}

void DetachedSupervisor::add_stream_operations() {
    serve_attach(
        live_->server(), [this] { return streams_ ? streams_->hub() : nullptr; },
        [this](const winsize& size) { live_->tell_size(size); });
    serve_networks(*live_, [this] { return network_.get(); });
}

void DetachedSupervisor::go_on(LiveContainer::Next next) {
    switch (next) {
        case LiveContainer::Next::start_now:
            launch_again(false);
            return;
        case LiveContainer::Next::start_later:
            live_->wait_and_start([this] { launch_again(true); }, [this] { end(); });
            return;
        case LiveContainer::Next::end:
            if (!live_->is_stopping()) follow_ups_.start(follow_up_, "ended", live_->state());
            end();
            return;
    }
}

void DetachedSupervisor::end() {
    ending_ = true;
    if (retired_.empty()) gate_.loop().stop();
}

// The machine goes down, or somebody ends us by hand: the container gets its chance, and its
// restart policy starts it again at the next boot.
void DetachedSupervisor::on_signal(const signalfd_siginfo& info) {
    if (info.ssi_signo != SIGTERM || !live_) return;
    live_->stop(std::nullopt, std::nullopt, false);
}

void DetachedSupervisor::remove_container() {
    const json::Value record = live_->record();
    // The lock file goes with the rest; the lock stays ours until we are gone.
    remove_owned(store_,
                 {container_.id,
                  base::open_at(store_.containers_fd(), container_.id, O_RDONLY | O_DIRECTORY),
                  base::FileLock::adopt(base::UniqueFd(
                      base::raw::fcntl(container_.lock.fd(), F_DUPFD_CLOEXEC, kReportFd)))},
                 record, true);
}

int DetachedSupervisor::run() {
    bool failed = false;
    try {
        start();
        report_start();
    } catch (const base::Error& error) {
        failed = true;
        launched_.reset();
        streams_.reset();
        (void)live_->failed_to_start(error);
        if (!keep_) remove_container();
        report(json::Object{{"error", error.message()},
                            {"hint", error.hint()},
                            {"code", error.code() != 0 ? error.code() : 125}});
        live_->answer_all();
    }
    if (failed) return base::exit_code::kEngine;
    gate_.loop().run();
    try {
        if (!keep_) remove_container();
    } catch (const base::Error& error) {  // `system prune` takes what is left
        base::log::debug(error.message());
    }
    live_->answer_all();
    return 0;
}

}  // namespace

int supervise_detached(const std::string& store_root, const std::string& id,
                       const std::string& streams) noexcept {
    try {
        return DetachedSupervisor(store_root, id, streams).run();
    } catch (const std::exception& error) {
        // Whoever waits for the report hears the reason, unless it was given already.
        try {
            (void)control::send_packet(kReportFd,
                                       json::Object{{"error", error.what()}, {"code", 125}}, {});
        } catch (const std::exception&) {
        }
        return base::exit_code::kEngine;
    }
}

}  // namespace sandbox::engine
