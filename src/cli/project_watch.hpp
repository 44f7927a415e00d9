// `up --watch`: what changes on the host, and what is done for it. Each action is a child's, one
// after the other, so that Ctrl-C and the logs never wait for it.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/project_report.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/project/file_watch.hpp"

namespace sandbox::cli {

class ProjectWatch {
  public:
    // All must outlive it. Throws as FileWatcher does, and UsageError when none of the services
    // says what is to be watched.
    ProjectWatch(Context& context, const project::Project& project,
                 const std::vector<std::string>& services, ProjectReport& report);
    // Waits until something may have changed, at most that long.
    void wait(int milliseconds) const;
    // Begins what is to be done next, and sees the end of what was begun.
    void step();
    // Containers may be down that are to come again.
    [[nodiscard]] bool is_acting() const noexcept { return child_ || !pending_.empty(); }
    // Whatever is being done is not wanted any more.
    void end() noexcept { child_.reset(); }

  private:
    void queue(project::WatchChange change);
    void begin();
    [[noreturn]] void act_and_exit(const project::WatchChange& change);
    void restart(const project::WatchChange& change);
    void sync(const project::WatchChange& change);
    void run_task(const std::string& task);

    Context& context_;
    const project::Project& project_;
    ProjectReport& report_;
    project::FileWatcher watcher_;
    std::deque<project::WatchChange> pending_;
    std::optional<kernel::ChildProcess> child_;
};

}  // namespace sandbox::cli
