#include "kept_logs.hpp"

#include <fcntl.h>

#include "project_lock.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/logs.hpp"
#include "sandbox/store/container_store.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::project {
namespace {

constexpr const char* kOptions = "options.json";
constexpr const char* kLog = "log";
constexpr size_t kMaxOptionBytes = 4096;

std::string logs_of(const std::string& project_name) {
    return project_name + ".logs";
}

base::UniqueFd open_or_make(int parent_fd, const std::string& name) {
    if (!base::exists_at(parent_fd, name)) base::make_dir_at(parent_fd, name, 0700);
    return base::open_at(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

void keep_log(const store::Store& store, const std::string& project_name,
              const Deployed& container) noexcept {
    try {
        const store::ContainerEntry entry = store::ContainerStore(store).find(container.id);
        const store::LogOptions options = store::log_options_from(entry.record["log"]);
        const base::UniqueFd from =
            base::open_at(store.containers_fd(), entry.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!options.enabled || !options.path.empty() || !base::exists_at(from.get(), kLog)) return;
        const base::UniqueFd projects = open_projects(store);
        const base::UniqueFd all = open_or_make(projects.get(), logs_of(project_name));
        const std::string name = container.service + "." + std::to_string(container.number);
        (void)base::remove_tree_at(all.get(), name);
        const base::UniqueFd to = open_or_make(all.get(), name);
        base::write_file_atomic(to.get(), kOptions, base::json::dump(store::to_json(options)), 0600,
                                base::Durability::volatile_data);
        base::rename_at(from.get(), kLog, to.get(), kLog);
    } catch (const base::Error& error) {
        base::log::debug("the log of " + container.name + " is not kept: " + error.message());
    }
}

void forget_logs(const store::Store& store, const std::string& project_name) noexcept {
    try {
        const base::UniqueFd projects = open_projects(store);
        (void)base::remove_tree_at(projects.get(), logs_of(project_name));
    } catch (const base::Error& error) {
        base::log::debug("logs of " + project_name + ": " + error.message());
    }
}

std::vector<KeptLog> kept_logs(const store::Store& store, const std::string& project_name) {
    std::vector<KeptLog> logs;
    const base::UniqueFd projects = open_projects(store);
    const auto all = base::try_open_at(projects.get(), logs_of(project_name),
                                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!all) return logs;
    for (const std::string& name : base::list_dir(all->get())) {
        const size_t dot = name.rfind('.');
        const auto number =
            dot == std::string::npos ? std::nullopt : base::try_parse_u64(name.substr(dot + 1));
        if (!number) continue;
        base::UniqueFd directory =
            base::open_at(all->get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        const auto text = base::try_read_file_at(directory.get(), kOptions, kMaxOptionBytes);
        if (!text) continue;
        KeptLog log;
        log.service = name.substr(0, dot);
        log.number = static_cast<std::uint32_t>(*number);
        log.options = store::log_options_from(base::json::parse(*text));
        log.directory = std::move(directory);
        logs.push_back(std::move(log));
    }
    return logs;
}

}  // namespace sandbox::project
