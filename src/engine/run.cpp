// `run`, `run -d` and `create`: the container is made (container_maker.hpp); then
//   foreground   launched and supervised by this very process, signals blocked; at its end the exit
//                code is kept, or everything removed
//   detached     handed over, with its lock, to a supervisor of its own
#include "sandbox/engine/run.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "engine/callers_streams.hpp"
#include "engine/container_events.hpp"
#include "engine/container_maker.hpp"
#include "engine/dead_containers.hpp"
#include "engine/flags/device_flags.hpp"
#include "engine/flags/flag_error.hpp"
#include "engine/launch.hpp"
#include "engine/network/container_network.hpp"
#include "engine/supervise.hpp"
#include "engine/supervisor/attach_server.hpp"
#include "engine/supervisor/live_container.hpp"
#include "engine/supervisor/logout.hpp"
#include "engine/supervisor/network_operations.hpp"
#include "engine/supervisor/output.hpp"
#include "engine/supervisor/spawn.hpp"
#include "engine/terminal.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/late_end.hpp"

namespace sandbox::engine {
namespace {

constexpr int kEngine = base::exit_code::kEngine;

// Descriptors of ours are all close-on-exec: what is not was handed to us.
void check_preserved_fds(std::uint32_t count) {
    for (int fd = 3; fd < 3 + static_cast<int>(count); ++fd) {
        const int flags = base::raw::fcntl(fd, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC) != 0) {
            throw_usage("--preserve-fds: descriptor " + std::to_string(fd) + " is not open",
                        "open it before the run, or ask for fewer");
        }
    }
}

struct AttachedStreams {
    bool in = true, out = true, err = true;
};

AttachedStreams parse_attach(const std::vector<std::string>& words) {
    if (words.empty()) return {};
    AttachedStreams streams{false, false, false};
    for (const std::string& word : words) {
        const std::string stream = base::to_lower(word);
        if (stream == "stdin") {
            streams.in = true;
        } else if (stream == "stdout") {
            streams.out = true;
        } else if (stream == "stderr") {
            streams.err = true;
        } else {
            throw_bad_flag("--attach", word, "use stdin, stdout or stderr");
        }
    }
    return streams;
}

class ForegroundRun {
  public:
    ForegroundRun(const store::Store& store, const RunRequest& request)
        : store_(store),
          request_(request),
          attached_(parse_attach(request.attach)),
          maker_(store, request, true) {}
    int run();

  private:
    LaunchedContainer start();
    void open_log();
    void choose_streams(LaunchContext& context);
    ForegroundOutput begin_output(LiveContainer& live);
    void finish(LiveContainer& live, int exit_code);

    const store::Store& store_;
    const RunRequest& request_;
    AttachedStreams attached_;
    ContainerMaker maker_;
    // Of a run that is kept: what it writes goes to the caller and to the log.
    std::optional<store::LogWriter> log_;
    std::optional<PayloadPipes> pipes_;
    std::array<bool, 3> passed_on_{};  // by the hub, as our own 1 and 2
    std::optional<OutputHub> hub_;
    std::unique_ptr<ContainerNetwork> network_;  // after the maker, whose loop it is in
};

void ForegroundRun::open_log() {
    const store::LogOptions options = store::log_options_from(maker_.record()["log"]);
    if (!maker_.draft().keep || !options.enabled) return;
    try {
        log_.emplace(maker_.container().dir.get(), options);
    } catch (const base::Error& error) {
        if (error.code() == kEngine) throw;  // another container's file
        base::log::warning("the container's output is not logged: " + error.message());
    }
}

ForegroundOutput ForegroundRun::begin_output(LiveContainer& live) {
    store::LogWriter* const log = log_ ? &*log_ : nullptr;
    if (!pipes_) return {nullptr, log};
    pipes_->payload = {};
    // Standard input is the payload's own descriptor in any case.
    hub_.emplace(maker_.gate().loop(), log, std::move(pipes_->ours));
    if (log == nullptr) return {&*hub_, nullptr, passed_on_[1], passed_on_[2]};
    serve_attach(
        live.server(), [this] { return hub_ ? &*hub_ : nullptr; },
        [&live](const winsize& size) { live.tell_size(size); });
    return {&*hub_, nullptr, attached_.out, attached_.err};
}

// What users of the container are to open anew (callers_streams.hpp) is passed on where they cannot
// do so with the caller's own.
void ForegroundRun::choose_streams(LaunchContext& context) {
    const ContainerSpec& spec = maker_.draft().spec;
    const bool has_others = has_own_ids(spec.ids);
    if (has_others) (void)share_input(context.stdio_fds[0]);
    if (log_) {
        pipes_ = make_payload_pipes(false);
        context.stdio_fds[1] = pipes_->payload[1].get();
        context.stdio_fds[2] = pipes_->payload[2].get();
        return;
    }
    if (!has_others) return;
    const bool is_other = host_identity(spec).uid != ::geteuid();
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
        const auto at = static_cast<size_t>(stream);
        passed_on_[at] = !share_output(context.stdio_fds[at]) && is_other;
    }
    if (!passed_on_[1] && !passed_on_[2]) return;
    pipes_ = make_payload_pipes(false);
    // 2>&1: through one pipe, which keeps the order.
    const bool is_one =
        passed_on_[1] && passed_on_[2] && is_same_file(STDOUT_FILENO, STDERR_FILENO);
    if (is_one) passed_on_[2] = false;
    if (passed_on_[1]) context.stdio_fds[1] = pipes_->payload[1].get();
    if (passed_on_[2]) context.stdio_fds[2] = pipes_->payload[2].get();
    if (is_one) context.stdio_fds[2] = pipes_->payload[1].get();
}

LaunchedContainer ForegroundRun::start() {
    const ContainerSpec& spec = maker_.draft().spec;
    LaunchContext context{store_, maker_.container().dir.get(), {0, 1, 2}, std::nullopt};
    context.early = maker_.early();
    context.private_network = maker_.private_network();
    const base::UniqueFd null_fd = base::open_at(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
    if (spec.tty) {
        context.window = try_window_size();
        if (spec.interactive && ::isatty(STDIN_FILENO) != 1) {
            base::log::warning("the input device is not a TTY");
        }
    } else {
        if (!spec.interactive || !attached_.in) context.stdio_fds[0] = null_fd.get();
        if (!attached_.out) context.stdio_fds[1] = null_fd.get();
        if (!attached_.err) context.stdio_fds[2] = null_fd.get();
    }
    open_log();
    if (!spec.tty) choose_streams(context);
    LaunchedContainer launched =
        launch_attached(maker_.draft().spec, context, maker_.gate().loop(), network_);
    maker_.forget_early();
    launched.ends_late = !maker_.draft().keep;
    maker_.volumes().mark_seeded(maker_.draft().keep);
    return launched;
}

void ForegroundRun::finish(LiveContainer& live, int exit_code) {
    const LiveContainer::Next next = live.ended(exit_code);
    if (!maker_.draft().keep && !live.is_start_wanted()) {
        maker_.remove_quietly(live.record());
        live.answer_all();
        return;
    }
    const store::OwnedContainer container = maker_.release();
    // The policy's next lives are a supervisor's of its own; the lock goes to it.
    if (next != LiveContainer::Next::end) hand_over_to_supervisor(store_, container);
    live.answer_all();
}

int ForegroundRun::run() {
    check_preserved_fds(request_.preserve_fds);
    maker_.make();
    tell_container(store_, maker_.container().id, maker_.record(), "attach");
    LaunchedContainer launched = start();
    maker_.forget_cidfile();
    LiveContainer live(store_, maker_.container(), maker_.gate().loop(), maker_.take_record(),
                       true);
    serve_networks(live, [this] { return network_.get(); });
    live.started(maker_.draft().spec, launched);
    ForegroundOutput output = begin_output(live);
    output.tell = [&live](std::string action, const EventAttributes& attributes) {
        live.tell(std::move(action), attributes);
    };
    if (const auto size = try_window_size(); size && launched.pty_master) live.tell_size(*size);
    const int exit_code =
        supervise(maker_.draft().spec, request_, launched, maker_.gate(), output).shell_code();
    hub_.reset();
    log_.reset();
    finish(live, exit_code);
    remove_dead_containers(store_);
    if (launched.ends_late && kernel::end_late()) {
        // The last ones: their namespaces go when they are closed.
        for (base::UniqueFd* fd : launched.namespaces.in_order()) (void)fd->release();
    }
    return exit_code;
}

// Below us an error has the code of its own verb, or none.
template <typename F>
decltype(auto) with_engine_code(F&& action) {
    try {
        return std::forward<F>(action)();
    } catch (base::Error& error) {
        const int code = error.code();
        if (code != base::exit_code::kNotExecutable && code != base::exit_code::kNotFound &&
            code <= base::exit_code::kSignalBase) {
            error.set_code(kEngine);
        }
        throw;
    }
}

}  // namespace

int run_foreground(const store::Store& store, const RunRequest& request) {
    return with_engine_code([&] { return ForegroundRun(store, request).run(); });
}

std::string create_container(const store::Store& store, const RunRequest& request) {
    return with_engine_code([&] {
        ContainerMaker maker(store, request);
        maker.make();
        return maker.release().id;
    });
}

std::string run_detached(const store::Store& store, const RunRequest& request,
                         const std::function<void(const std::string& id)>& started) {
    return with_engine_code([&] {
        ContainerMaker maker(store, request);
        maker.make();
        std::string id = maker.container().id;
        try {
            start_supervisor(store, maker.container(), maker.gate());
        } catch (const base::Error& error) {
            // It stays as created, or its supervisor has removed it already; an interrupted one
            // goes with the maker.
            if (error.code() <= base::exit_code::kSignalBase) {
                if (!maker.draft().keep) maker.remove_cidfile();
                (void)maker.release();
            }
            throw;
        }
        (void)maker.release();
        if (started) started(id);
        warn_of_logout();
        return id;
    });
}

}  // namespace sandbox::engine
