#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "find_image.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/orchestrator.hpp"
#include "sandbox/project/resolved.hpp"
#include "sandbox/project/start_order.hpp"

namespace sandbox::project {
namespace {

constexpr int kMaxDepth = 64;

// Names, kinds and content below `path`, in order of name. What is not there counts as such.
void hash_input(int dir_fd, const std::string& path, int depth, base::Sha256& sum) {
    const auto add = [&](std::string_view text) {
        const std::string length = std::to_string(text.size()) + ":";
        sum.update(length.data(), length.size());
        sum.update(text.data(), text.size());
    };
    struct stat status {};
    // What was named may be a link; within it links are themselves.
    const bool named = depth == 0;
    if (::fstatat(dir_fd, path.c_str(), &status, named ? 0 : AT_SYMLINK_NOFOLLOW) != 0) {
        add("absent");
        return;
    }
    if (S_ISDIR(status.st_mode) && depth < kMaxDepth) {
        const base::UniqueFd dir =
            base::open_at(dir_fd, path, O_RDONLY | O_DIRECTORY | (named ? 0 : O_NOFOLLOW));
        add("directory");
        for (const std::string& name : base::list_dir(dir.get())) {
            add(name);
            hash_input(dir.get(), name, depth + 1, sum);
        }
    } else if (S_ISREG(status.st_mode)) {
        const base::UniqueFd file =
            base::open_at(dir_fd, path, O_RDONLY | (named ? 0 : O_NOFOLLOW));
        add(base::sha256_hex_of_fd(file.get()));
    } else if (S_ISLNK(status.st_mode)) {
        std::string target(4096, '\0');
        const ssize_t size = ::readlinkat(dir_fd, path.c_str(), target.data(), target.size());
        add("link");
        add(std::string_view(target).substr(0, size < 0 ? 0 : static_cast<size_t>(size)));
    } else {
        add("other");
    }
}

class Planner {
  public:
    Planner(const Project& project, const std::vector<Deployed>& deployed,
            const PlanOptions& options)
        : project_(project), deployed_(deployed), options_(options) {}

    std::vector<Action> plan() {
        for (const std::vector<std::string>& wave : start_waves(project_, options_.names)) {
            for (const std::string& name : wave) plan_service(*project_.find_service(name));
        }
        if (options_.remove_orphans) {
            for (const Deployed& orphan : deployed_) {
                if (project_.find_service(orphan.service) == nullptr) {
                    remove(orphan, "no service of the profile any more");
                }
            }
        }
        if (!options_.alone) restart_dependents();
        removals_.insert(removals_.end(), actions_.begin(), actions_.end());
        return std::move(removals_);
    }

  private:
    void plan_service(const Service& service) {
        const auto scaled = options_.scale.find(service.name);
        const std::uint32_t count = scaled != options_.scale.end() ? scaled->second : service.scale;
        const std::string hash = deployment_hash(project_, service);
        std::optional<std::string> image;
        if (!service.image().empty()) image = options_.image_id(service.image());
        for (const std::uint32_t number : numbers_of(service, count)) {
            Action action = plan_container(service, number, hash, image);
            if (action.kind == Action::Kind::start && options_.no_start) continue;
            actions_.push_back(std::move(action));
        }
        if (options_.no_create) return;
        for (const Deployed& other : deployed_) {
            if (other.service == service.name && other.number > count) {
                remove(other, "more than " + std::to_string(count) + " are not wanted");
            }
        }
    }

    // Where none is made, those that exist: an earlier `up` may have been asked for more.
    [[nodiscard]] std::vector<std::uint32_t> numbers_of(const Service& service,
                                                        std::uint32_t count) const {
        std::vector<std::uint32_t> numbers;
        if (!options_.no_create) {
            for (std::uint32_t number = 1; number <= count; ++number) numbers.push_back(number);
            return numbers;
        }
        for (const Deployed& each : deployed_) {
            if (each.service == service.name && each.number != 0) numbers.push_back(each.number);
        }
        return numbers;
    }

    Action plan_container(const Service& service, std::uint32_t number, const std::string& hash,
                          const std::optional<std::string>& image) {
        Action action;
        action.service = service.name;
        action.number = number;
        action.container = container_name(project_, service, number);
        const Deployed* found = nullptr;
        const Deployed* successor = nullptr;  // of an `up` that was killed
        for (const Deployed& other : deployed_) {
            if (other.service != service.name || other.number != number) continue;
            (other.is_successor ? successor : found) = &other;
        }
        if (successor != nullptr) remove(*successor, "it was to take another one's place");
        if (found == nullptr) {
            action.kind = Action::Kind::create;
            return action;
        }
        action.id = found->id;
        action.reason = why_anew(service, *found, hash, image, action.container);
        if (!action.reason.empty()) {
            action.kind = Action::Kind::recreate;
        } else if (found->is_running() || is_done(service, *found)) {
            action.kind = Action::Kind::keep;
        } else {
            action.kind = Action::Kind::start;
            if (found->state == "exited") started_again_.insert(service.name);
        }
        return action;
    }

    // Empty: what is there will do.
    [[nodiscard]] std::string why_anew(const Service& service, const Deployed& found,
                                       const std::string& hash,
                                       const std::optional<std::string>& image,
                                       const std::string& name) const {
        // It has taken another one's place, but not yet the name.
        if (!options_.no_create && is_successor_name(found.name, name)) {
            return "its making was interrupted";
        }
        if (options_.force_recreate) return "asked for";
        if (options_.no_recreate) return {};
        if (found.hash != hash) return "its description has changed";
        if (image && *image != found.image_id) return "its image has changed";
        if (service.is_task && !found.is_running() && !is_done(service, found)) {
            return found.state == "created" ? "" : "it has not succeeded yet";
        }
        return {};
    }

    static bool is_done(const Service& service, const Deployed& found) {
        return service.is_task && service.cache && found.state == "exited" && found.exit_code == 0;
    }

    [[nodiscard]] bool is_planned(const std::string& service, Action::Kind kind) const {
        return std::any_of(actions_.begin(), actions_.end(), [&](const Action& action) {
            return action.service == service && action.kind == kind;
        });
    }

    // To whoever depends on it: why it is another one now; absent: it is not.
    [[nodiscard]] std::optional<std::string> why_another(const std::string& service) const {
        const std::string name = base::quote(service);
        if (is_planned(service, Action::Kind::recreate)) return name + " is made anew";
        if (is_planned(service, Action::Kind::restart)) return name + " is restarted";
        if (started_again_.count(service) != 0 || options_.restarted.count(service) != 0) {
            return name + " is started again";
        }
        return std::nullopt;
    }

    void restart_dependents() {
        std::vector<std::string> all;
        for (const Service& service : project_.services) all.push_back(service.name);
        for (const std::vector<std::string>& wave : start_waves(project_, all)) {
            for (const std::string& name : wave) {
                const Service& service = *project_.find_service(name);
                for (const std::string& other : all) {
                    if (!restarts_with(service, other)) continue;
                    if (const auto why = why_another(other)) {
                        restart(service, other, *why);
                        break;
                    }
                }
            }
        }
    }

    void restart(const Service& service, const std::string& because_of, const std::string& reason) {
        const auto since = options_.restarted.find(because_of);
        for (const Deployed& other : deployed_) {
            if (other.service != service.name || other.number == 0 || !other.is_running()) continue;
            if (since != options_.restarted.end() && other.started_ns > since->second) continue;
            const auto known =
                std::find_if(actions_.begin(), actions_.end(),
                             [&](const Action& action) { return action.id == other.id; });
            if (known == actions_.end()) {
                actions_.push_back({Action::Kind::restart, other.service, other.number, other.name,
                                    other.id, reason});
            } else if (known->kind == Action::Kind::keep) {
                known->kind = Action::Kind::restart;
                known->reason = reason;
            }
        }
    }

    void remove(const Deployed& other, std::string reason) {
        removals_.push_back({Action::Kind::remove, other.service, other.number, other.name,
                             other.id, std::move(reason)});
    }

    const Project& project_;
    const std::vector<Deployed>& deployed_;
    const PlanOptions& options_;
    std::vector<Action> actions_, removals_;
    std::set<std::string> started_again_;  // services that had ended
};

}  // namespace

bool needs(const Service& service, const std::string& other) {
    const std::vector<Dependency>& all = service.depends_on;
    return service.request.network == "service:" + other ||
           std::any_of(all.begin(), all.end(),
                       [&](const Dependency& each) { return each.service == other; });
}

bool restarts_with(const Service& service, const std::string& other) {
    // A network namespace is gone with its container.
    if (service.request.network == "service:" + other) return true;
    return std::any_of(service.depends_on.begin(), service.depends_on.end(),
                       [&](const Dependency& dependency) {
                           return dependency.restart && dependency.service == other;
                       });
}

std::string deployment_hash(const Project& project, const Service& service) {
    std::string hash = service_hash(project, service);
    // What these say is in the container, as if it stood in the profile.
    std::vector<std::string> files = service.inputs;
    files.insert(files.end(), service.request.label_files.begin(),
                 service.request.label_files.end());
    for (const SecretUse& use : service.secrets) {
        for (const Secret& secret : project.secrets) {
            const bool used = secret.name == use.secret && secret.is_config == use.is_config;
            if (used && !secret.file.empty()) files.push_back(secret.file);
        }
    }
    if (files.empty() && service.file_env.empty()) return hash;
    base::Sha256 sum;
    sum.update(hash.data(), hash.size());
    for (const auto& [name, value] : service.file_env) {
        const std::string pair = name + "=" + value;
        sum.update(pair.data(), pair.size() + 1);  // and the NUL
    }
    for (const std::string& file : files) {
        base::with_context(service.where + ": input", [&] { hash_input(AT_FDCWD, file, 0, sum); });
    }
    return sum.finish_hex();
}

void require_possible(const Project& project, const PlanOptions& options) {
    for (const std::string& name : options.names) {
        const Service& service = *project.find_service(name);
        const auto scaled = options.scale.find(name);
        const bool none = (scaled != options.scale.end() ? scaled->second : service.scale) == 0;
        if (service.refused && !none) throw *service.refused;
    }
}

std::vector<Action> make_plan(const Project& project, const std::vector<Deployed>& deployed,
                              const PlanOptions& options) {
    return Planner(project, deployed, options).plan();
}

std::vector<Action> plan_up(const store::Store& store, const Project& project,
                            PlanOptions options) {
    options.image_id = [&](const std::string& image) -> std::optional<std::string> {
        const auto record = try_find_image(store, image);
        return record ? std::optional(record->id.str()) : std::nullopt;
    };
    return make_plan(project,
                     options.no_create ? find_deployed(store, project.name)
                                       : find_all_deployed(store, project.name),
                     options);
}

}  // namespace sandbox::project
