// What `up` and `down` say on standard error while they work: one line an event; on a terminal what
// is waited for stands in one line that is written over.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "sandbox/project/orchestrator.hpp"

namespace sandbox::cli {

class ProjectReport {
  public:
    // `quiet`: failures only.
    ProjectReport(const project::Project* project, bool quiet);
    ~ProjectReport() { clear_line(); }
    ProjectReport(const ProjectReport&) = delete;
    ProjectReport& operator=(const ProjectReport&) = delete;

    void tell(const project::Notice& notice);
    // Of one that ended while others run.
    void tell_end(const std::string& service, const std::string& text);
    // With the check's last output and the last lines of the log.
    void tell_failures(const std::vector<project::Failure>& failures);
    [[nodiscard]] project::Listener listener() {
        return [this](const project::Notice& notice) { tell(notice); };
    }

  private:
    void line(const std::string& service, const std::string& text);
    void overwritten_line(const std::string& service, const std::string& text);
    void clear_line();
    std::set<std::string> counted_down_;
    std::set<std::string> told_waiting_;  // services, where there is no terminal
    bool quiet_;
    bool terminal_;
    bool line_pending_ = false;
    size_t width_ = 0;  // of the longest name
};

}  // namespace sandbox::cli
