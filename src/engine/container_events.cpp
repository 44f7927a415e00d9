#include "engine/container_events.hpp"

#include <utility>

#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;
constexpr size_t kExecIdBytes = 32;

void tell_volume(const store::Store& store, const std::string& id, const json::Value& mount,
                 bool mounted) {
    store::Event event{.type = "volume",
                       .action = mounted ? "mount" : "unmount",
                       .id = mount.string_or("name"),
                       .attributes = {{"container", id}, {"driver", "local"}}};
    if (mounted) {
        event.attributes["destination"] = mount.string_or("destination");
        event.attributes["propagation"] = "";
        event.attributes["read/write"] = mount["read_only"].is_true() ? "false" : "true";
    }
    store::append_event(store, event);
}

}  // namespace

void tell_container(const store::Store& store, const std::string& id, const json::Value& record,
                    std::string action, const EventAttributes& attributes) noexcept {
    try {
        store::Event event = store::container_event(std::move(action), record);
        event.id = id;
        for (const auto& [key, value] : attributes) event.attributes[key] = value;
        store::append_event(store, event);
    } catch (const std::exception& error) {  // out of memory
        base::log::debug(error.what());
    }
}

void tell_volumes(const store::Store& store, const std::string& id, const json::Value& record,
                  bool mounted) noexcept {
    try {
        const json::Array* const mounts = record["mounts"].as_array();
        if (mounts == nullptr) return;
        for (const json::Value& mount : *mounts) {
            if (mount.string_or("type") == "volume") tell_volume(store, id, mount, mounted);
        }
    } catch (const std::exception& error) {  // out of memory
        base::log::debug(error.what());
    }
}

void tell_networks(const store::Store& store, const std::string& id,
                   const store::NetworkFacts& facts, bool connected) noexcept {
    try {
        for (const store::NetworkPlace& place : facts.networks) {
            store::append_event(store, {.type = "network",
                                        .action = connected ? "connect" : "disconnect",
                                        .id = shown_network_id(place),
                                        .attributes = {{"container", id},
                                                       {"name", shown_network(place.name)},
                                                       {"type", "bridge"}}});
        }
    } catch (const std::exception& error) {  // out of memory
        base::log::debug(error.what());
    }
}

void tell_end(const store::Store& store, const std::string& id, const json::Value& record,
              int exit_code, const store::NetworkFacts& networks,
              std::optional<std::int64_t> seconds) noexcept {
    EventAttributes attributes{{"exitCode", std::to_string(exit_code)}};
    if (seconds) attributes["execDuration"] = std::to_string(*seconds);
    tell_container(store, id, record, "die", attributes);
    tell_networks(store, id, networks, false);
    tell_volumes(store, id, record, false);
}

ExecEvents::ExecEvents(const store::Store& store, const std::string& id, const json::Value& record)
    : store_(store), id_(id), record_(record), exec_id_(base::random_hex(kExecIdBytes)) {}

void ExecEvents::started(const std::vector<std::string>& argv) const noexcept {
    const std::string words = base::join(argv, " ");
    const EventAttributes attributes{{"execID", exec_id_}};
    tell_container(store_, id_, record_, "exec_create: " + words, attributes);
    tell_container(store_, id_, record_, "exec_start: " + words, attributes);
}

void ExecEvents::ended(int exit_code) const noexcept {
    tell_exec_end(store_, id_, record_, exec_id_, exit_code);
}

void tell_exec_end(const store::Store& store, const std::string& id, const json::Value& record,
                   const std::string& exec_id, int exit_code) noexcept {
    tell_container(store, id, record, "exec_die",
                   {{"execID", exec_id}, {"exitCode", std::to_string(exit_code)}});
}

}  // namespace sandbox::engine
