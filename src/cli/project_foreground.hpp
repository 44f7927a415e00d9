// `up` without -d, once all is started: the logs of all services until they have ended or the user
// has had enough. The first Ctrl-C stops in the reverse order of start, the second kills.
#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/project_report.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/orchestrator.hpp"

namespace sandbox::cli {

// From now on SIGINT, SIGTERM and SIGHUP are counted instead of ending the process.
void catch_interrupts();
// The same as long as it lives.
class InterruptsCaught {
  public:
    InterruptsCaught();
    ~InterruptsCaught();
    InterruptsCaught(const InterruptsCaught&) = delete;
    InterruptsCaught& operator=(const InterruptsCaught&) = delete;

  private:
    std::array<struct sigaction, 3> former_{};
};
[[nodiscard]] int interrupts_so_far() noexcept;

class ProjectWatch;

struct ForegroundWish {
    ProjectWatch* watch = nullptr;               // borrowed; with it, the end of all is not the end
    std::string exit_code_from;                  // a service: stop all when it ends, with its code
    bool abort_on_exit = false;                  // the same for whichever service ends first
    bool abort_on_failure = false;               // the same, unless its code is 0
    std::vector<std::string> attach, no_attach;  // services whose logs are shown; empty: all
    bool prefix = true, color = true, timestamps = false;
    base::Timestamp since{};                      // what they said earlier is not shown again
    std::optional<std::int64_t> timeout_seconds;  // for each stop
    std::vector<std::string> names;               // services that it is about
};
// Only the end of it: stops all, and kills when the user is impatient.
void stop_in_foreground(Context& context, const project::Project& project,
                        const std::vector<project::Deployed>& deployed, const ForegroundWish& wish,
                        ProjectReport& report);
// Must follow catch_interrupts(). Answers the exit code.
[[nodiscard]] int stay_in_foreground(Context& context, const project::Project& project,
                                     const std::vector<project::Deployed>& deployed,
                                     const ForegroundWish& wish, ProjectReport& report);

}  // namespace sandbox::cli
