#include "cli/project_foreground.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <set>

#include "cli/project_lives.hpp"
#include "cli/project_logs.hpp"
#include "cli/project_watch.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::cli {
namespace {

using project::Deployed;
using project::Project;

constexpr int kFailure = base::exit_code::kFailure;

constexpr std::array<int, 3> kCaught{SIGINT, SIGTERM, SIGHUP};

// How often the user has asked for the end.
std::atomic<int> interrupts{0};

void count_interrupt(int) {
    ++interrupts;
}

// The foreground: logs by a child, so that a slow terminal never delays what must be done.
class Foreground {
  public:
    Foreground(Context& context, const Project& project, const std::vector<Deployed>& deployed,
               const ForegroundWish& wish, ProjectReport& report)
        : context_(context),
          project_(project),
          deployed_(deployed),
          wish_(wish),
          report_(report),
          lives_(context.store(), project, deployed, report) {}

    void stop_all();

    int run() {
        std::optional<base::Pipe> lasting;
        if (wish_.watch != nullptr) lasting = base::make_pipe();
        kernel::ChildProcess logs = kernel::ChildProcess::clone(0);
        if (logs.is_child()) {
            if (lasting) lasting->write_end.reset();
            show_logs(lasting ? lasting->read_end.get() : -1);
        }
        int code = 0;
        for (;;) {
            if (interrupts.load() > 0) {
                code = base::exit_code::kSignalBase + SIGINT;
                break;
            }
            if (const auto ended = watch_and_find_ended()) {
                code = *ended;
                break;
            }
        }
        if (wish_.watch != nullptr) wish_.watch->end();
        lasting.reset();
        stop_all();
        (void)logs.wait();  // all have ended: it shows the rest and ends too
        return code;
    }

  private:
    // A while later: absent, as long as it goes on.
    std::optional<int> watch_and_find_ended() {
        constexpr int kPauseMs = 100;
        ProjectWatch* const watch = wish_.watch;
        if (watch != nullptr) watch->step();
        std::optional<int> ended;
        const bool acting = watch != nullptr && watch->is_acting();
        lives_.step(acting);  // the one who acts says it
        if (!acting) ended = find_ended();
        if (ended) return ended;
        if (watch != nullptr) {
            watch->wait(kPauseMs);
        } else {
            ::usleep(kPauseMs * 1000);
        }
        return std::nullopt;
    }

    [[nodiscard]] bool is_shown(const project::Service& service) const {
        const auto names = [&](const std::vector<std::string>& list) {
            return std::find(list.begin(), list.end(), service.name) != list.end();
        };
        if (names(wish_.no_attach)) return false;
        return wish_.attach.empty() ? service.attach : names(wish_.attach);
    }

    [[noreturn]] void show_logs(int lasting_fd) {
        // Ctrl-C is for the parent: what the services say while they end is to be seen.
        for (const int number : kCaught) (void)::signal(number, SIG_IGN);
        int code = 0;
        try {
            ProjectLogs logs;
            for (const Deployed& each : deployed_) {
                const project::Service* service = project_.find_service(each.service);
                if (service == nullptr || each.number == 0 || !is_shown(*service)) continue;
                logs.ids.push_back(each.id);
                logs.titles.push_back(each.service + "-" + std::to_string(each.number));
            }
            logs.prefix = wish_.prefix;
            logs.color = wish_.color;
            logs.timestamps = wish_.timestamps;
            engine::LogsWish wish;
            wish.follow = true;
            wish.range.since = wish_.since;
            wish.lasting_fd = lasting_fd;
            wish.output_fd = STDOUT_FILENO;
            show_project_logs(context_.store(), context_.out, logs, wish);
        } catch (...) {  // nobody reads, or the log cannot be read: the services go on
            code = kFailure;
        }
        base::raw::exit_group(code);
    }

    // Absent: go on. All have ended: the greatest code; one has, and that is enough: its code.
    std::optional<int> find_ended() {
        const std::string& from = wish_.exit_code_from;
        int code = 0;
        bool all = true;
        for (const Deployed& each : deployed_) {
            const std::optional<store::ContainerState> seen =
                engine::try_observe_container(context_.store(), each.id);
            if (!seen) continue;  // removed by somebody, or made anew
            const store::ContainerState& state = *seen;
            if (store::is_active(state.status)) {
                all = false;
                ended_.erase(each.id);
                continue;
            }
            const project::Service* service = project_.find_service(each.service);
            const bool task = service != nullptr && service->is_task;
            if (ended_.insert(each.id).second && !task) lives_.tell_end(each, state);
            if (!from.empty() && each.service == from) return state.exit_code;
            const bool failed = wish_.abort_on_failure && state.exit_code != 0;
            if (failed && from.empty()) return state.exit_code;
            if (wish_.abort_on_exit && from.empty() && !task) return state.exit_code;
            code = std::max(code, state.exit_code);
        }
        // Whoever watches is about to mend what has ended.
        return all && wish_.watch == nullptr ? std::optional(code) : std::nullopt;
    }

    Context& context_;
    const Project& project_;
    const std::vector<Deployed>& deployed_;
    const ForegroundWish& wish_;
    ProjectReport& report_;
    ProjectLives lives_;
    std::set<std::string> ended_;
};

void Foreground::stop_all() {
    project::DownWish wish;
    wish.names = wish_.names;
    wish.remove = false;
    wish.timeout_seconds = wish_.timeout_seconds;
    kernel::ChildProcess stopper = kernel::ChildProcess::clone(0);
    if (stopper.is_child()) {
        for (const int number : kCaught) (void)::signal(number, SIG_IGN);
        bool good = false;
        try {
            const auto failures = project::bring_down(context_.store(), project_.name, &project_,
                                                      wish, report_.listener());
            report_.tell_failures(failures);
            good = failures.empty();
        } catch (...) {
        }
        base::raw::exit_group(good ? 0 : kFailure);
    }
    const int seen = interrupts.load();
    if (seen > 0) base::log::notice("stopping all in order; Ctrl-C kills them");
    while (!stopper.try_wait()) {
        if (interrupts.load() > seen) {
            for (const Deployed& each : deployed_) {
                try {
                    engine::signal_container(context_.store(), each.id, "KILL");
                } catch (const base::Error&) {  // it has ended
                }
            }
            (void)stopper.wait();
            return;
        }
        ::usleep(5'000);
    }
}

}  // namespace

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = count_interrupt;
    for (const int number : kCaught) (void)::sigaction(number, &action, nullptr);
}

InterruptsCaught::InterruptsCaught() {
    for (size_t i = 0; i < kCaught.size(); ++i) {
        (void)::sigaction(kCaught[i], nullptr, &former_[i]);
    }
    catch_interrupts();
}

InterruptsCaught::~InterruptsCaught() {
    for (size_t i = 0; i < kCaught.size(); ++i) {
        (void)::sigaction(kCaught[i], &former_[i], nullptr);
    }
}

int interrupts_so_far() noexcept {
    return interrupts.load();
}

void stop_in_foreground(Context& context, const Project& project,
                        const std::vector<Deployed>& deployed, const ForegroundWish& wish,
                        ProjectReport& report) {
    Foreground(context, project, deployed, wish, report).stop_all();
}

int stay_in_foreground(Context& context, const Project& project,
                       const std::vector<Deployed>& deployed, const ForegroundWish& wish,
                       ProjectReport& report) {
    return Foreground(context, project, deployed, wish, report).run();
}

}  // namespace sandbox::cli
