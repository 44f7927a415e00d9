// From files to a Project, in this order: files found and parsed, merged, the profile's own keys,
// then services and tasks, then what concerns several of them.
#include <algorithm>
#include <map>

#include "compose_translate.hpp"
#include "compose_yaml.hpp"
#include "find_files.hpp"
#include "include.hpp"
#include "merge.hpp"
#include "naming.hpp"
#include "profile_keys.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/image_lock.hpp"
#include "sandbox/project/profile.hpp"
#include "sandbox/project/start_order.hpp"
#include "service_values.hpp"
#include "sources.hpp"

namespace sandbox::project {
namespace {

using base::quote;
using base::UsageError;

class Loader {
  public:
    explicit Loader(const LoadOptions& options)
        : options_(options), sources_(options.current_dir) {}

    Project load() {
        FoundFiles found = find_files(options_, sources_);
        project_.files = std::move(found.files);
        project_.directory = std::move(found.directory);
        dotenv_ = std::move(found.dotenv);
        project_.env_files = std::move(found.env_files);
        const auto groups = dotenv_.find("COMPOSE_PROFILES");
        if (groups != dotenv_.end()) project_.dotenv_groups = groups->second;
        Node root = merge_files();
        Reader reader(sources_.documents());
        ProfileDraft draft{project_};
        name_project(reader, root);
        read_profile_keys(reader, root, draft);
        read_services(reader, draft);
        check_project();
        const std::string lock = image_lock_path(project_);
        project_.image_lock = load_image_lock(lock, sources_.shown(lock));
        project_.notices.insert(project_.notices.end(), reader.notices().begin(),
                                reader.notices().end());
        std::sort(project_.notices.begin(), project_.notices.end());
        project_.notices.erase(std::unique(project_.notices.begin(), project_.notices.end()),
                               project_.notices.end());
        return std::move(project_);
    }

  private:
    [[nodiscard]] std::optional<std::string> value(const std::string& name) const {
        // Compose: always there, and with -p, too, what the project is called.
        if (name == "COMPOSE_PROJECT_NAME" && !project_.name.empty()) return project_.name;
        if (auto outer = options_.environment(name)) return outer;
        const auto found = dotenv_.find(name);
        return found == dotenv_.end() ? std::nullopt : std::optional(found->second);
    }

    Node merge_files() {
        const auto scope =
            make_scope(project_.directory, [this](const std::string& name) { return value(name); });
        Node root, compose;
        std::vector<Remark> remarks;
        // Compose files that follow one another are merged in their own words, so that one may
        // lift what another one asks for in vain.
        const auto settle = [&] {
            if (compose.is_null()) return;
            if (root.is_null()) take_effect(compose);
            add(root, translate(std::exchange(compose, {}), std::exchange(remarks, {})));
        };
        for (const std::string& path : project_.files) {
            if (is_compose_file(path, options_.hears_compose)) {
                add(compose, load_compose(sources_, path, scope, remarks));
            } else {
                settle();
                add(root, sources_.documents().parse_toml(sources_.add(path, scope)));
            }
        }
        settle();
        if (root.is_null()) sources_.documents().fail({}, "not a compose file", kComposeBegin);
        take_effect(root);
        return root;
    }

    void add(Node& into, Node next) const {
        if (into.is_null()) {
            into = std::move(next);
        } else if (!next.is_null()) {  // a file of comments adds nothing
            merge(sources_.documents(), into, std::move(next), profile_keys());
        }
    }

    Node translate(Node compose, std::vector<Remark> remarks) {
        Node root = translate_compose(sources_.documents(), std::move(compose), remarks);
        Heeded heeded = heed(sources_.documents(), remarks);
        for (std::string& text : heeded.notices) project_.notices.push_back(std::move(text));
        refused_.merge(heeded.refused);
        return root;
    }

    // Before all else is read, since the name is a variable.
    void name_project(Reader& reader, const Node& root) {
        if (!options_.name.empty()) {
            project_.name = checked_project_name(options_.name, "");
            project_.is_name_given = true;
            return;
        }
        const Node* const node = root.find("name");
        if (node != nullptr && node->text() != nullptr) {
            project_.name = read_project_name(reader, *node);
        } else {
            const Naming naming =
                name_by_surroundings(options_.environment, dotenv_, project_.directory);
            project_.name = naming.name;
            project_.is_name_given = naming.is_given;
        }
        if (!project_.is_name_given && options_.settle_name) {
            project_.name = options_.settle_name(project_.name, project_.directory);
        }
    }

    void read_services(Reader& reader, const ProfileDraft& draft) {
        std::vector<std::string> names;
        const auto collect = [&](const Node* group, std::string_view what) {
            if (group == nullptr) return;
            for (const Member& member : *group->table()) {
                check_service_name(reader, member, names, what);
                names.push_back(member.key);
            }
        };
        collect(draft.services, "service");
        collect(draft.tasks, "task");
        if (names.empty()) {
            throw UsageError(
                sources_.documents().name(0) + ": the profile has no services and no tasks",
                "write one: [services.web] and image = \"…\"");
        }
        const auto read_all = [&](const Node* group, bool tasks) {
            if (group == nullptr) return;
            for (const Member& member : *group->table()) {
                read_service(reader, member, names, tasks);
            }
        };
        read_all(draft.services, false);
        read_all(draft.tasks, true);
    }

    void check_service_name(const Reader& reader, const Member& member,
                            const std::vector<std::string>& names, std::string_view what) {
        constexpr std::string_view kFirst =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        const std::string& name = member.key;
        const bool good =
            !name.empty() && name.size() <= 63 && kFirst.find(name[0]) != std::string_view::npos &&
            std::all_of(name.begin(), name.end(), [&](char c) {
                return kFirst.find(c) != std::string_view::npos || c == '-' || c == '_' || c == '.';
            });
        if (!good) {
            reader.fail(member.key_at, "bad name of a " + std::string(what) + ": " + quote(name),
                        "letters, digits, \"-\", \"_\" and \".\", a letter or digit first");
        }
        if (std::find(names.begin(), names.end(), name) != names.end()) {
            reader.fail(member.key_at, quote(name) + " is a service and a task",
                        "choose another name for one of them");
        }
    }

    void read_service(Reader& reader, const Member& member, const std::vector<std::string>& names,
                      bool task) {
        ServiceDraft draft{{}, project_, names, {}, false, {}, std::nullopt, false, {}};
        Service& service = draft.service;
        service.name = member.key;
        service.is_task = task;
        service.where = sources_.documents().where(member.key_at);
        draft.owner = (task ? "task " : "service ") + quote(member.key);
        read_service_keys(reader, member.node, draft);
        finish(reader, member.key_at, draft);
        for (auto& [name, at] : draft.needs) needs_.try_emplace({service.name, name}, at);
        project_.services.push_back(std::move(service));
    }

    // What depends on several keys of one service.
    void finish(const Reader& reader, const Place& at, ServiceDraft& draft) {
        Service& service = draft.service;
        engine::RunRequest& request = service.request;
        if (const auto found = refused_.find(service.name); found != refused_.end()) {
            const bool has_image = found->second.of_build && !request.image.empty();
            if (!has_image) service.refused = found->second.error;
        }
        if (request.image.empty() && !service.refused) {
            reader.fail(at, draft.owner + " has no image");
        }
        // docker: another entrypoint takes the image's command away as well.
        if (draft.has_entrypoint) {
            request.entrypoint = draft.entrypoint.empty() ? "" : draft.entrypoint.front();
            request.command.assign(draft.entrypoint.begin() + (draft.entrypoint.empty() ? 0 : 1),
                                   draft.entrypoint.end());
        }
        if (draft.command) {
            request.command.insert(request.command.end(), draft.command->begin(),
                                   draft.command->end());
        }
        if (request.network && !service.networks.empty()) {
            reader.fail(at, draft.owner + ": network_mode and networks exclude each other");
        }
        if (!request.network && service.networks.empty()) {
            service.networks.push_back({"default", {}, {}, {}});
        }
        const bool shares = request.network && (request.network->starts_with("service:") ||
                                                request.network->starts_with("container:"));
        if (!request.publish.empty() && (shares || request.network == "none")) {
            reader.fail(at, draft.owner + ": ports cannot be published with network_mode " +
                                quote(*request.network));
        }
        if (!service.container_name.empty() && service.scale > 1) {
            reader.fail(at, draft.owner + ": container_name and scale exclude each other",
                        "several containers cannot have one name");
        }
        for (const std::string& use : service.volume_uses) {
            const Volume* const volume = project_.find_volume(use);
            if (volume != nullptr && volume->refused) service.refused = volume->refused;
        }
    }

    void check_project() {
        std::map<std::string, const Service*> container_names;
        for (Service& service : project_.services) {
            for (Dependency& dependency : service.depends_on) {
                const Service& other = *project_.find_service(dependency.service);
                // A task is good enough when it is done.
                if (other.is_task && dependency.condition == Condition::ready) {
                    dependency.condition = Condition::completed;
                }
            }
            if (service.container_name.empty()) continue;
            const auto [entry, is_new] = container_names.emplace(service.container_name, &service);
            if (is_new) continue;
            throw UsageError(service.where + ": container_name " + quote(service.container_name) +
                             " is that of " + quote(entry->second->name) + " too");
        }
        std::vector<std::string> all;
        for (const Service& service : project_.services) all.push_back(service.name);
        try {
            (void)start_waves(project_, all);
        } catch (const CircleError& error) {
            fail_circle(error);
        }
    }

    [[noreturn]] void fail_circle(const CircleError& error) const {
        const std::vector<std::string>& members = error.members();
        for (size_t i = 0; i < members.size(); ++i) {
            const auto found = needs_.find({members[i], members[(i + 1) % members.size()]});
            if (found != needs_.end()) {
                sources_.documents().fail(found->second, error.message(), error.hint());
            }
        }
        throw error;  // volumes_from alone
    }

    const LoadOptions& options_;
    std::map<std::string, std::string> dotenv_;
    Sources sources_;
    std::map<std::string, Refusal> refused_;  // services
    Project project_;
    std::map<std::pair<std::string, std::string>, Place> needs_;  // who, whom: where it is said
};

}  // namespace

const Service* Project::find_service(const std::string& wanted) const noexcept {
    for (const Service& service : services) {
        if (service.name == wanted) return &service;
    }
    return nullptr;
}

const Volume* Project::find_volume(const std::string& wanted) const noexcept {
    for (const Volume& volume : volumes) {
        if (volume.name == wanted) return &volume;
    }
    return nullptr;
}

const Network* Project::find_network(const std::string& wanted) const noexcept {
    for (const Network& network : networks) {
        if (network.name == wanted) return &network;
    }
    return nullptr;
}

std::string Project::scoped_name(const Volume& volume) const {
    if (!volume.given_name.empty()) return volume.given_name;
    return volume.external ? volume.name : name + "_" + volume.name;
}

std::string Project::scoped_name(const Network& network) const {
    if (!network.given_name.empty()) return network.given_name;
    return network.external ? network.name : name + "_" + network.name;
}

const std::vector<std::string>& profile_file_names() {
    static const std::vector<std::string> kNames{"sandbox.toml", "compose.yaml", "compose.yml",
                                                 "docker-compose.yaml", "docker-compose.yml"};
    return kNames;
}

Project load_project(const LoadOptions& options) {
    return Loader(options).load();
}

}  // namespace sandbox::project
