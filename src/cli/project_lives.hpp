// What becomes of a project's containers while `up` looks on: ends, new lives by restart policy,
// restarts by others; and who depends on them. Read from the store's diary, which sees more than a
// look at the state now and then.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/project_report.hpp"
#include "sandbox/project/deployment.hpp"
#include "sandbox/store/container_state.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::cli {

class ProjectLives {
  public:
    // All are borrowed and outlive the object.
    ProjectLives(const store::Store& store, const project::Project& project,
                 const std::vector<project::Deployed>& deployed, ProjectReport& report);
    // Says what has happened since; `told`: somebody else has said it.
    void step(bool told);
    // It has ended for good.
    void tell_end(const project::Deployed& container, const store::ContainerState& state);

  private:
    struct Life {
        std::string exit_code;  // of the last one; empty: it has not ended
        bool asked = false;     // somebody has stopped it
        std::string because;    // the container whose new life it follows
    };
    void take(const project::Deployed& container, const base::json::Value& event, bool told);
    void tell_start(const project::Deployed& container, const Life& life);
    [[nodiscard]] std::string dependents_text(const std::string& service) const;

    const project::Project& project_;
    const std::vector<project::Deployed>& deployed_;
    ProjectReport& report_;
    store::EventReader events_;
    std::map<std::string, Life> lives_;
};

}  // namespace sandbox::cli
