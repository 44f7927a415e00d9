#include "cli/project_scope.hpp"

#include <algorithm>

#include "sandbox/base/strings.hpp"
#include "sandbox/project/start_order.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::cli {

using project::Deployed;

// Said in words, not found by the way: then a name is a service or a mistake.
bool ProjectScope::is_strict() const {
    const bool by_flag = (in_.has_flag("project-name") && in_.try_value("project-name")) ||
                         (in_.has_flag("file") && !in_.list("file").empty());
    return context_.project.compose || by_flag;
}

void ProjectScope::load() {
    if (loaded_) return;
    loaded_ = true;
    const std::string given = in_.has_flag("project-name")
                                  ? in_.value_or("project-name", context_.project.name)
                                  : context_.project.name;
    try {
        project_ = load_project(context_, in_, true);
        name_ = project_->name;
    } catch (const base::NotFoundError& error) {
        absent_ = true;
        mistake_ = error;
        name_ = given;
    } catch (const base::Error& error) {
        mistake_ = error;
        name_ = given;
    }
}

bool ProjectScope::exists() {
    load();
    return !absent_ || !name_.empty();
}

const project::Project& ProjectScope::project() {
    load();
    if (!project_) throw base::Error(*mistake_);
    return *project_;
}

const project::Project* ProjectScope::try_project() {
    load();
    if (project_) return &*project_;
    // A name alone is enough for what exists; a mistake in the profile is still to be heard.
    if (name_.empty() || !absent_) throw base::Error(*mistake_);
    return nullptr;
}

const std::string& ProjectScope::name() {
    load();
    if (name_.empty()) throw base::Error(*mistake_);
    return name_;
}

const std::vector<Deployed>& ProjectScope::deployed() {
    if (!deployed_) deployed_ = project::find_deployed(context_.store(), name());
    return *deployed_;
}

bool ProjectScope::is_service(const std::string& name) {
    load();
    if (project_) return project_->find_service(name) != nullptr;
    return !name_.empty() && has_containers(name);
}

bool ProjectScope::has_containers(const std::string& service) {
    const auto& all = deployed();
    return std::any_of(all.begin(), all.end(), [&](const Deployed& each) {
        return each.service == service && each.number != 0;
    });
}

bool ProjectScope::is_container(const std::string& name) {
    try {
        return store::ContainerStore(context_.store()).find(name).name == name;
    } catch (const base::Error&) {
        return false;
    }
}

// A name that is none: the project may say why.
void ProjectScope::check_container(const std::string& name) {
    try {
        (void)store::ContainerStore(context_.store()).find(name);
    } catch (const base::NotFoundError&) {
        if (is_service(name)) {
            throw base::NotFoundError("service " + base::quote(name) + " has no container",
                                      "make it: sandbox up -d " + name);
        }
        if (!absent_ && mistake_) throw base::Error(*mistake_);
        throw;
    }
}

ProjectScope::Names ProjectScope::sort(const std::vector<std::string>& names, bool gone) {
    Names result;
    for (const std::string& name : names) {
        if (is_service(name) &&
            (is_strict() || has_containers(name) || (gone && !is_container(name)))) {
            result.services.push_back(name);
        } else if (is_strict()) {
            if (const project::Project* known = try_project()) {
                (void)project::select_services(*known,
                                               {{name}, {"*"}, false});  // says what is near
            }
            throw base::NotFoundError("no such service: " + base::quote(name));
        } else {
            if (is_service(name) || (mistake_ && !absent_)) check_container(name);
            result.containers.push_back(name);
        }
    }
    return result;
}

std::vector<std::string> ProjectScope::containers(const std::vector<std::string>& names,
                                                  const Wants& wants) {
    std::vector<std::string> result;
    for (const std::string& name : names) {
        const Names sorted = sort({name});
        if (!sorted.containers.empty()) {
            result.push_back(name);
            continue;
        }
        std::vector<std::string> all, wanted;
        for (const Deployed& each : deployed()) {
            if (each.service != name || each.number == 0) continue;
            all.push_back(each.id);
            if (wants && wants(each)) wanted.push_back(each.id);
        }
        if (all.empty()) check_container(name);
        const std::vector<std::string>& chosen = wanted.empty() ? all : wanted;
        result.insert(result.end(), chosen.begin(), chosen.end());
    }
    return result;
}

std::string ProjectScope::container(const std::string& name, std::uint32_t index) {
    if (!sort({name}).containers.empty()) return name;
    const auto& all = deployed();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Deployed& each) {
        return each.service == name && each.number == index;
    });
    if (found != all.end()) return found->id;
    if (!has_containers(name)) check_container(name);
    throw base::NotFoundError("service " + base::quote(name) + " has no container " +
                              std::to_string(index));
}

}  // namespace sandbox::cli
