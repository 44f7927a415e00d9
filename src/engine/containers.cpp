#include "sandbox/engine/containers.hpp"

#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "engine/container_process.hpp"
#include "engine/container_record.hpp"
#include "engine/dead_containers.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

std::int64_t number_or(const base::json::Value& record, std::string_view key,
                       std::int64_t fallback) {
    return record[key].try_i64().value_or(fallback);
}

// docker's sentence: "Up 3 minutes", "Exited (1) 2 hours ago", "Created".
std::string status_of(const store::ContainerEntry& entry, std::int64_t now) {
    if (entry.live) return "Up " + base::format_age(now - number_or(entry.record, "created", now));
    if (!entry.record["exit_code"].is_number()) return "Dead";
    return "Exited (" + std::to_string(number_or(entry.record, "exit_code", 0)) + ") " +
           base::format_age(now - number_or(entry.record, "finished", now)) + " ago";
}

ContainerRow make_row(const store::ContainerEntry& entry, std::int64_t now) {
    ContainerRow row;
    row.id = entry.id;
    row.name = entry.name;
    row.image = entry.record.string_or("image");
    row.image_id = entry.record.string_or("image_id");
    row.command = entry.record.string_or("command");
    row.created = number_or(entry.record, "created", 0);
    row.status = status_of(entry, now);
    row.state = entry.live ? "running" : entry.record["exit_code"].is_number() ? "exited" : "dead";
    row.exit_code = static_cast<int>(number_or(entry.record, "exit_code", 0));
    row.labels = entry.record["labels"];
    row.networks = entry.record.string_or("network");
    if (const auto* mounts = entry.record["mounts"].as_array()) {
        for (const auto& mount : *mounts) {
            const std::string name = mount.string_or("name");
            std::string text = name.empty() ? mount.string_or("source") : name;
            if (!text.empty()) row.mounts.push_back(std::move(text));
        }
    }
    return row;
}

// Waits until its supervisor has let go of a killed container. Absent: it is removed already.
std::optional<store::OwnedContainer> wait_and_own(const store::Store& store,
                                                  const std::string& id) {
    const store::ContainerStore containers(store);
    try {
        const base::UniqueFd dir = base::open_at(store.containers_fd(), id, O_PATH | O_DIRECTORY);
        (void)base::FileLock::acquire(dir.get(), "lock", base::LockMode::exclusive,
                                      "waiting for the end of container " + id.substr(0, 12));
        return containers.try_own(id);
    } catch (const base::NotFoundError&) {
        return std::nullopt;  // one-shot: its supervisor has removed it
    } catch (const base::SysError& error) {
        if (error.errnum() != ENOENT) throw;
        return std::nullopt;
    }
}

}  // namespace

std::vector<ContainerRow> list_containers(const store::Store& store) {
    remove_dead_containers(store);
    std::vector<ContainerRow> rows;
    const std::int64_t now = base::now().seconds;
    for (const store::ContainerEntry& entry : store::ContainerStore(store).list()) {
        rows.push_back(make_row(entry, now));
    }
    // Newest first, as docker lists them.
    std::stable_sort(rows.begin(), rows.end(), [](const ContainerRow& a, const ContainerRow& b) {
        return a.created > b.created;
    });
    return rows;
}

void remove_container(const store::Store& store, const std::string& name, bool force,
                      bool volumes) {
    const store::ContainerStore containers(store);
    const store::ContainerEntry entry = containers.find(name);
    std::optional<store::OwnedContainer> owned = containers.try_own(entry.id);
    if (!owned) {
        if (!force) {
            throw base::Error("container " + base::quote(name) + " is running",
                              "end it first, or use -f", base::exit_code::kUsage);
        }
        (void)kill_container(store, entry.id);
        owned = wait_and_own(store, entry.id);
        if (!owned) return;
    }
    remove_owned(store, std::move(*owned), entry.record, volumes);
}

}  // namespace sandbox::engine
