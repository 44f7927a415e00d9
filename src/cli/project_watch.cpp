#include "cli/project_watch.hpp"

#include <poll.h>

#include <algorithm>

#include "cli/project_logs.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/engine/run.hpp"
#include "sandbox/project/deployment.hpp"
#include "sandbox/project/one_off.hpp"
#include "sandbox/project/orchestrator.hpp"

namespace sandbox::cli {
namespace {

using project::Watch;
using project::WatchChange;

constexpr int kFailure = base::exit_code::kFailure;

// "src/app.js", or "src/app.js and 3 more": as seen from the profile.
std::string paths_text(const std::string& directory, const std::vector<std::string>& paths) {
    std::string first = paths.front();
    if (first.starts_with(directory + "/")) first = first.substr(directory.size() + 1);
    if (paths.size() > 1) first += " and " + std::to_string(paths.size() - 1) + " more";
    return first;
}

std::string action_text(const Watch& watch) {
    if (watch.action == Watch::Action::sync) return "copying to " + watch.target;
    if (watch.action == Watch::Action::sync_restart) {
        return "copying to " + watch.target + ", restarting";
    }
    if (watch.action == Watch::Action::task) return "running " + watch.task;
    return "restarting";
}

}  // namespace

ProjectWatch::ProjectWatch(Context& context, const project::Project& project,
                           const std::vector<std::string>& services, ProjectReport& report)
    : context_(context), project_(project), report_(report), watcher_(project, services) {
    if (watcher_.is_empty()) {
        throw base::UsageError("nothing is to be watched",
                               "a service says it: watch = [{ path = \"./src\" }]");
    }
}

void ProjectWatch::wait(int milliseconds) const {
    pollfd changes{watcher_.fd(), POLLIN, 0};
    (void)::poll(&changes, 1, milliseconds);
}

void ProjectWatch::step() {
    if (child_) {
        if (!child_->try_wait()) return;
        child_.reset();  // what went wrong was said
    }
    for (WatchChange& change : watcher_.take()) queue(std::move(change));
    if (!pending_.empty()) begin();
}

// A restart for a change covers those that come before it has begun.
void ProjectWatch::queue(WatchChange change) {
    for (WatchChange& waiting : pending_) {
        if (waiting.watch != change.watch) continue;
        waiting.paths.insert(waiting.paths.end(), change.paths.begin(), change.paths.end());
        std::sort(waiting.paths.begin(), waiting.paths.end());
        waiting.paths.erase(std::unique(waiting.paths.begin(), waiting.paths.end()),
                            waiting.paths.end());
        return;
    }
    pending_.push_back(std::move(change));
}

void ProjectWatch::begin() {
    const WatchChange change = std::move(pending_.front());
    pending_.pop_front();
    report_.tell_end(change.service->name, paths_text(project_.directory, change.paths) +
                                               " has changed: " + action_text(*change.watch));
    child_ = kernel::ChildProcess::clone(0);
    if (child_->is_child()) act_and_exit(change);
}

void ProjectWatch::act_and_exit(const WatchChange& change) {
    // Ctrl-C is for the parent, which ends us if need be; here it is only counted, and what we
    // start has signals as they were (execve(2) sets handlers back, but not what is ignored).
    int code = 0;
    try {
        switch (change.watch->action) {
            case Watch::Action::restart:
                restart(change);
                break;
            case Watch::Action::sync:
                sync(change);
                break;
            case Watch::Action::sync_restart:
                sync(change);
                restart(change);
                break;
            case Watch::Action::task:
                run_task(change.watch->task);
                break;
        }
    } catch (const base::Error& error) {
        code = kFailure;
        report_.tell_failures({{change.service->name, {}, error.message(), {}, {}}});
    } catch (...) {
        code = kFailure;
    }
    base::raw::exit_group(code);
}

void ProjectWatch::restart(const WatchChange& change) {
    project::RestartWish wish;
    wish.names = {change.service->name};
    report_.tell_failures(project::restart_services(context_.store(), project_.name, &project_,
                                                    wish, report_.listener()));
}

void ProjectWatch::sync(const WatchChange& change) {
    for (const project::Deployed& each : project::find_deployed(context_.store(), project_.name)) {
        if (each.service != change.service->name || each.number == 0 || !each.is_running())
            continue;
        project::sync_into(context_.store(), each.id, change);
    }
    report_.tell_end(change.service->name, "copied");
}

void ProjectWatch::run_task(const std::string& task) {
    project::OneOffWish wish;
    wish.service = task;
    project::OneOff one_off =
        project::prepare_one_off(context_.store(), project_, wish, {}, report_.listener());
    report_.tell_failures(one_off.failures);
    if (!one_off.failures.empty()) return;
    one_off.request.detached = true;
    const std::string id = engine::run_detached(context_.store(), one_off.request);
    ProjectLogs logs;
    logs.ids = {id};
    logs.titles = {task};
    engine::LogsWish follow;
    follow.follow = true;
    show_project_logs(context_.store(), context_.out, logs, follow);
    const int code =
        engine::wait_container(context_.store(), id, engine::WaitCondition::not_running);
    report_.tell_end(task, code == 0 ? "done" : "has ended with " + std::to_string(code));
}

}  // namespace sandbox::cli
