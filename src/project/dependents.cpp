#include "sandbox/project/dependents.hpp"

#include <algorithm>
#include <exception>

#include "project_of.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/project/orchestrator.hpp"
#include "sandbox/store/container_store.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::project {
namespace {

class Follower {
  public:
    Follower(const store::Store& store, const Project& project, store::ContainerEntry container,
             std::int64_t started_ns)
        : store_(store),
          project_(project),
          container_(std::move(container)),
          service_(container_.record["labels"].string_or(label::kService)),
          started_ns_(started_ns) {}

    void tell_dependents(const std::string& action) const {
        const auto state = engine::try_observe_container(store_, container_.id);
        for (const Deployed& each : find_deployed(store_, project_.name)) {
            const Service* dependent = project_.find_service(each.service);
            if (dependent == nullptr || each.number == 0 || !each.is_running()) continue;
            if (!needs(*dependent, service_)) continue;
            try {
                store::Event event = store::container_event(
                    action, store::ContainerStore(store_).find(each.id).record);
                event.id = each.id;
                event.attributes["dependency"] = container_.name;
                if (state && action == "dependency_ended") {
                    event.attributes["exitCode"] = std::to_string(state->exit_code);
                }
                store::append_event(store_, event);
            } catch (const base::NotFoundError&) {  // removed meanwhile
            }
        }
    }

    void restart_dependents() const {
        if (!is_restart_wanted()) return;
        UpWish wish;
        wish.plan.names = {service_};
        wish.plan.no_create = true;
        wish.plan.no_recreate = true;
        wish.plan.no_start = true;
        wish.wait = is_waited_for();
        wish.strict = true;
        wish.is_interrupted = [this] { return !is_the_same(); };
        wish.only_wait = true;
        const Listener nobody = [](const Notice&) {};
        if (!bring_up(store_, project_, wish, nobody).failures.empty()) return;
        if (!is_the_same()) return;
        wish.only_wait = false;
        wish.wait = false;
        wish.plan.restarted = {{service_, started_ns_}};
        const UpResult result = bring_up(store_, project_, wish, nobody);
        for (const Failure& failure : result.failures) {
            base::log::debug(failure.container + ": " + failure.why);
        }
    }

  private:
    [[nodiscard]] bool is_restart_wanted() const {
        const auto& all = project_.services;
        return std::any_of(all.begin(), all.end(), [&](const Service& service) {
            return restarts_with(service, service_);
        });
    }

    // By one of those that are restarted, and for more than its start.
    [[nodiscard]] bool is_waited_for() const {
        for (const Service& service : project_.services) {
            for (const Dependency& each : service.depends_on) {
                if (each.service == service_ && each.restart &&
                    each.condition != Condition::started) {
                    return true;
                }
            }
        }
        return false;
    }

    // It lives the life that we were started for.
    [[nodiscard]] bool is_the_same() const {
        const auto state = engine::try_observe_container(store_, container_.id);
        return state && store::is_active(state->status) && state->started_ns == started_ns_;
    }

    const store::Store& store_;
    const Project& project_;
    store::ContainerEntry container_;
    std::string service_;
    std::int64_t started_ns_;
};

void follow(const std::string& what, const std::string& store_root, const std::string& id,
            const std::string& started_ns) {
    const store::Store store = store::Store::open_at(store_root);
    store::ContainerEntry container = store::ContainerStore(store).find(id);
    const std::optional<Project> project = try_load_project_of(container.record["labels"]);
    if (!project) return;
    const std::int64_t started =
        static_cast<std::int64_t>(base::try_parse_u64(started_ns).value_or(0));
    const Follower follower(store, *project, std::move(container), started);
    follower.tell_dependents("dependency_" + what);
    if (what == "restarted") follower.restart_dependents();
}

}  // namespace

int follow_container(const std::string& what, const std::string& store_root, const std::string& id,
                     const std::string& started_ns) noexcept {
    try {
        follow(what, store_root, id, started_ns);
        return 0;
    } catch (const std::exception& error) {  // the profile has gone, or has a mistake
        try {
            base::log::debug(error.what());
        } catch (const std::exception&) {
        }
        return base::exit_code::kFailure;
    }
}

}  // namespace sandbox::project
