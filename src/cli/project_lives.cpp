#include "cli/project_lives.hpp"

#include <algorithm>

#include "sandbox/base/strings.hpp"

namespace sandbox::cli {

using base::json::Value;
using project::Deployed;

ProjectLives::ProjectLives(const store::Store& store, const project::Project& project,
                           const std::vector<Deployed>& deployed, ProjectReport& report)
    : project_(project), deployed_(deployed), report_(report), events_(store, true) {}

void ProjectLives::step(bool told) {
    while (const std::optional<Value> event = events_.try_next()) {
        if (event->string_or("Type") != "container") continue;
        const std::string id = (*event)["Actor"].string_or("ID");
        const auto container = std::find_if(deployed_.begin(), deployed_.end(),
                                            [&](const Deployed& each) { return each.id == id; });
        if (container != deployed_.end()) take(*container, *event, told);
    }
}

void ProjectLives::take(const Deployed& container, const Value& event, bool told) {
    const std::string action = event.string_or("Action");
    const Value& attributes = event["Actor"]["Attributes"];
    Life& life = lives_[container.id];
    if (action == "die") {
        life.exit_code = attributes.string_or("exitCode", "0");
    } else if (action == "stop") {
        life.asked = true;
    } else if (action == "dependency_restarted") {
        life.because = attributes.string_or("dependency");
    } else if (action == "start") {
        if (!told) tell_start(container, life);
        life = {};
    }
}

void ProjectLives::tell_start(const Deployed& container, const Life& life) {
    std::string text = container.name;
    if (!life.exit_code.empty() && !life.asked) {
        text += " has ended with " + life.exit_code + " and was started again" +
                dependents_text(container.service);
    } else {
        text += " was started again";
        if (!life.because.empty()) text += ", as " + life.because + " was";
    }
    report_.tell_end(container.service, text);
}

void ProjectLives::tell_end(const Deployed& container, const store::ContainerState& state) {
    std::string text = container.name + " has ended with " + std::to_string(state.exit_code);
    if (!state.error.empty()) text += " (" + state.error + ")";
    report_.tell_end(container.service, text + dependents_text(container.service));
}

// Those that depend on it have to live with it, or die of it: whoever looks on shall know.
std::string ProjectLives::dependents_text(const std::string& service) const {
    std::vector<std::string> dependents;
    for (const project::Service& each : project_.services) {
        const bool depends =
            std::any_of(each.depends_on.begin(), each.depends_on.end(),
                        [&](const project::Dependency& d) { return d.service == service; });
        if (depends) dependents.push_back(each.name);
    }
    if (dependents.empty()) return {};
    return "; " + base::join(dependents, ", ") +
           (dependents.size() == 1 ? " depends on it" : " depend on it");
}

}  // namespace sandbox::cli
