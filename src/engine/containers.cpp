#include "sandbox/engine/containers.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>

#include "engine/container_record.hpp"
#include "engine/dead_containers.hpp"
#include "engine/settled.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/store/container_state.hpp"
#include "sandbox/store/container_store.hpp"
#include "sandbox/store/container_summary.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::engine {
namespace {

std::int64_t number_or(const base::json::Value& record, std::string_view key,
                       std::int64_t fallback) {
    return record[key].try_i64().value_or(fallback);
}

constexpr std::int64_t kSecond = 1'000'000'000;

// docker's sentence: "Up 3 minutes", "Exited (1) 2 hours ago", "Created".
std::string status_of(const store::ContainerState& state, std::int64_t now) {
    std::string up = "Up " + base::format_age(now - state.started_ns / kSecond);
    if (!state.health.empty() && state.status == store::ContainerState::Status::running) {
        up += state.health == "starting" ? " (health: starting)" : " (" + state.health + ")";
    }
    const std::string code = "(" + std::to_string(state.exit_code) + ") ";
    const std::string ago = base::format_age(now - state.finished_ns / kSecond) + " ago";
    switch (state.status) {
        case store::ContainerState::Status::created:
            return "Created";
        case store::ContainerState::Status::running:
            return up;
        case store::ContainerState::Status::paused:
            return up + " (Paused)";
        case store::ContainerState::Status::restarting:
            return "Restarting " + code + ago;
        case store::ContainerState::Status::exited:
            break;
    }
    return "Exited " + code + ago;
}

ContainerRow make_row(const store::ContainerEntry& entry, int dir_fd, std::int64_t now) {
    const store::ContainerState state =
        store::load_state(dir_fd, entry.live, store::StatePart::summary);
    ContainerRow row;
    row.id = entry.id;
    row.name = entry.name;
    row.image = entry.record.string_or("image");
    row.image_id = entry.record.string_or("image_id");
    row.platform = entry.record.string_or("platform");
    row.command = entry.record.string_or("command");
    row.created = number_or(entry.record, "created", 0);
    row.created_ns = number_or(entry.record, "created_ns", row.created * kSecond);
    row.status = status_of(state, now);
    row.state = store::status_name(state.status);
    row.started_ns = state.started_ns;
    row.exit_code = state.exit_code;
    const std::string policy = entry.record.string_or("restart", "no");
    row.restart_policy = policy.substr(0, policy.find(':'));
    row.labels = entry.record["labels"];
    row.networks = entry.record["networks"].strings();
    if (row.networks.empty()) row.networks = {entry.record.string_or("network", kPrivateNetwork)};
    for (std::string& name : row.networks) name = shown_network(name);
    if (!state.health.empty()) row.health = state.health;
    row.exposed_ports = entry.record["exposed_ports"].strings();
    if (store::is_active(state.status)) {
        row.ports = store::ports_text(state.network.ports, row.exposed_ports);
        row.published = state.network.ports;
        for (const auto& port : row.published) row.published_ports.push_back(port.port);
    }
    if (const auto* mounts = entry.record["mounts"].as_array()) {
        for (const auto& mount : *mounts) {
            if (mount.string_or("type") == "device") continue;
            const std::string name = mount.string_or("name");
            std::string text = name.empty() ? mount.string_or("source") : name;
            if (!text.empty()) row.mounts.push_back(std::move(text));
            row.mount_targets.push_back(mount.string_or("destination"));
            if (mount.string_or("type") == "volume") ++row.volumes;
        }
    }
    return row;
}

using Status = store::ContainerState::Status;

std::string_view is_what(Status status) {
    return status == Status::paused       ? "paused"
           : status == Status::restarting ? "restarting"
                                          : "running";
}

void require_ended(ControlClient& client, const std::string& name) {
    try {
        const Status status =
            store::state_from_json(
                client.call(base::json::Object{{"op", "state"}, {"wanted", true}}).value["state"])
                .status;
        if (!store::is_active(status)) return;  // it lets go in a moment
        throw base::Error("cannot remove container " + base::quote(name) + ": it is " +
                              std::string(is_what(status)),
                          "stop it first, or use -f", base::exit_code::kUsage);
    } catch (const SupervisorGone&) {
    }
}

// Its supervisor kills and lets go; one that does not answer is killed itself, and then the kernel
// kills what it cared for.
void end_by_force(ControlClient& client) {
    constexpr std::chrono::milliseconds kPatience{3000};
    try {
        (void)client.call(
            base::json::Object{{"op", "kill"}, {"signal", "KILL"}, {"removing", true}}, {},
            kPatience);
    } catch (const SupervisorGone&) {
    } catch (const base::Error& error) {
        base::log::debug(error.message());
        if (const auto pid_fd = client.try_supervisor_pidfd()) {
            (void)base::raw::pidfd_send_signal(pid_fd->get(), SIGKILL, nullptr, 0);
        }
    }
}

}  // namespace

std::vector<ContainerRow> list_containers(const store::Store& store) {
    std::vector<ContainerRow> rows;
    std::vector<std::string> left;  // without a supervisor, and perhaps nobody's any more
    const std::int64_t now = base::now().seconds;
    const auto look = [&](const store::ContainerEntry& entry, int dir_fd) {
        try {
            if (!entry.live && !is_marked_kept(dir_fd)) left.push_back(entry.id);
            rows.push_back(make_row(entry, dir_fd, now));
        } catch (const base::SysError& error) {
            if (error.errnum() != ENOENT) throw;  // removed while we looked
        }
    };
    const std::vector<std::string> unfinished = store::for_each_container(store, look);
    left.insert(left.end(), unfinished.begin(), unfinished.end());
    for (const std::string& id : left) {
        if (!remove_if_dead(store, id)) continue;
        std::erase_if(rows, [&](const ContainerRow& row) { return row.id == id; });
    }
    // Newest first, as docker lists them.
    std::stable_sort(rows.begin(), rows.end(), [](const ContainerRow& a, const ContainerRow& b) {
        return a.created_ns > b.created_ns;
    });
    return rows;
}

void measure_rows(const store::Store& store, std::vector<ContainerRow>& rows) {
    std::vector<std::string> ids;
    for (const ContainerRow& row : rows) ids.push_back(row.id);
    std::map<std::string, std::uint64_t> own = image::measure_containers(store, ids);
    std::map<std::string, std::uint64_t> images;
    for (const store::ImageRecord& image : store::ImageStore(store).list()) {
        images[image.id.str()] = image.size_bytes;
    }
    for (ContainerRow& row : rows) {
        row.size = base::format_size(own[row.id]) + " (virtual " +
                   base::format_size(own[row.id] + images[row.image_id]) + ")";
    }
}

void remove_container(const store::Store& store, const std::string& name, bool force,
                      bool volumes) {
    const store::ContainerStore containers(store);
    const store::ContainerEntry entry = containers.find(name);
    Patience patience("container " + base::quote(entry.name));
    bool ended = false;
    try {
        for (;;) {
            Settled settled = settle(store, entry.id, patience);
            if (settled.owned) {
                remove_owned(store, std::move(*settled.owned), entry.record, volumes);
                return;
            }
            if (force) {
                end_by_force(*settled.client);
                ended = true;
            } else {
                require_ended(*settled.client, entry.name);
            }
            patience.wait();
        }
    } catch (const base::NotFoundError&) {
        if (!ended) throw;  // one with --rm goes by itself when it is ended
    }
}

}  // namespace sandbox::engine
