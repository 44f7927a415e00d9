#include "sandbox/project/start_order.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::project {
namespace {

using base::quote;
using base::UsageError;

const Service& service_named(const Project& project, const std::string& name) {
    if (const Service* service = project.find_service(name)) return *service;
    std::vector<std::string> known;
    for (const Service& service : project.services) known.push_back(service.name);
    const auto nearest = base::try_nearest(name, known);
    throw UsageError(
        "no such service: " + quote(name),
        nearest ? "did you mean " + quote(*nearest) + "?" : "there are " + base::join(known, ", "));
}

bool contains(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_enabled(const Service& service, const std::vector<std::string>& profiles) {
    if (service.profiles.empty() || contains(profiles, "*")) return true;
    return std::any_of(service.profiles.begin(), service.profiles.end(),
                       [&](const std::string& group) { return contains(profiles, group); });
}

// What must exist besides depends_on: whose network or volumes it shares.
std::vector<std::string> needed_by(const Project& project, const Service& service) {
    std::vector<std::string> names;
    for (const Dependency& dependency : service.depends_on) names.push_back(dependency.service);
    if (service.request.network && service.request.network->starts_with("service:")) {
        names.push_back(service.request.network->substr(8));
    }
    for (const std::string& from : service.request.volumes_from) {
        const std::string name = from.substr(0, from.find(':'));
        if (project.find_service(name) != nullptr) names.push_back(name);
    }
    return names;
}

const Dependency* find_dependency(const Service& service, const std::string& name) {
    for (const Dependency& dependency : service.depends_on) {
        if (dependency.service == name) return &dependency;
    }
    return nullptr;
}

class Selector {
  public:
    Selector(const Project& project, const Selection& selection)
        : project_(project), selection_(selection), profiles_(selection.profiles) {}

    std::set<std::string> select() {
        if (selection_.names.empty()) {
            for (const Service& service : project_.services) {
                if (is_enabled(service, profiles_)) add(service);
            }
            return std::move(chosen_);
        }
        // Who asks for a service by name asks for its groups as well.
        for (const std::string& name : selection_.names) {
            const Service& service = service_named(project_, name);
            profiles_.insert(profiles_.end(), service.profiles.begin(), service.profiles.end());
        }
        for (const std::string& name : selection_.names) add(service_named(project_, name));
        return std::move(chosen_);
    }

  private:
    void add(const Service& service) {
        if (!chosen_.insert(service.name).second || !selection_.dependencies) return;
        for (const std::string& name : needed_by(project_, service)) {
            const Service& needed = service_named(project_, name);
            const Dependency* dependency = find_dependency(service, name);
            if (dependency != nullptr && !dependency->required) continue;
            if (!is_enabled(needed, profiles_)) {
                throw UsageError(quote(service.name) + " needs " + quote(name) +
                                     ", which belongs to a group that is not asked for: " +
                                     base::join(needed.profiles, ", "),
                                 "use --profile " + needed.profiles.front());
            }
            add(needed);
        }
    }

    const Project& project_;
    const Selection& selection_;
    std::vector<std::string> profiles_;
    std::set<std::string> chosen_;
};

// A circle among those that never became free: follow edges until a name comes again.
std::vector<std::string> find_circle(const Project& project, const std::vector<std::string>& rest) {
    std::vector<std::string> path{rest.front()};
    for (;;) {
        const Service* service = project.find_service(path.back());
        std::string next;
        for (const std::string& name : needed_by(project, *service)) {
            if (contains(rest, name)) next = name;
        }
        const auto seen = std::find(path.begin(), path.end(), next);
        if (seen != path.end()) return {seen, path.end()};
        path.push_back(std::move(next));
    }
}

}  // namespace

CircleError::CircleError(std::vector<std::string> members)
    : UsageError("the dependencies go in a circle: " + base::join(members, " → ") + " → " +
                     members.front(),
                 "take one of them out"),
      members_(std::move(members)) {}

std::vector<std::string> select_services(const Project& project, const Selection& selection) {
    const std::set<std::string> chosen = Selector(project, selection).select();
    std::vector<std::string> names;
    for (const Service& service : project.services) {
        if (chosen.count(service.name) != 0) names.push_back(service.name);
    }
    return names;
}

std::vector<std::vector<std::string>> start_waves(const Project& project,
                                                  const std::vector<std::string>& names) {
    std::vector<std::vector<std::string>> waves;
    std::vector<std::string> rest = names;
    while (!rest.empty()) {
        std::vector<std::string> wave, later;
        for (const std::string& name : rest) {
            const std::vector<std::string> needed =
                needed_by(project, service_named(project, name));
            const bool waits = std::any_of(needed.begin(), needed.end(), [&](const auto& other) {
                return contains(rest, other);
            });
            (waits ? later : wave).push_back(name);
        }
        if (wave.empty()) throw CircleError(find_circle(project, rest));
        waves.push_back(std::move(wave));
        rest = std::move(later);
    }
    return waves;
}

std::vector<std::string> with_restarted(const Project& project,
                                        const std::vector<std::string>& names) {
    std::set<std::string> chosen(names.begin(), names.end());
    for (bool more = true; more;) {
        more = false;
        for (const Service& service : project.services) {
            for (const Dependency& dependency : service.depends_on) {
                if (!dependency.restart || chosen.count(dependency.service) == 0) continue;
                more = chosen.insert(service.name).second || more;
            }
        }
    }
    std::vector<std::string> result;
    for (const Service& service : project.services) {
        if (chosen.count(service.name) != 0) result.push_back(service.name);
    }
    return result;
}

}  // namespace sandbox::project
