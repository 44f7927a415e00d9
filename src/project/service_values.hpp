// The keys of a service whose values are more than a word: ports, volumes, dependencies, checks,
// networks, secrets, watches. Each reads one node into a service.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "keys.hpp"
#include "sandbox/project/profile.hpp"

namespace sandbox::project {

// A service while it is read: volumes and networks that it names become the project's.
struct ServiceDraft {
    Service service;
    Project& project;
    const std::vector<std::string>& names;  // of all services and tasks
    std::string owner;                      // `service "db"`
    bool has_entrypoint = false;
    std::vector<std::string> entrypoint;
    std::optional<std::vector<std::string>> command;
    bool has_networks = false;
    // What it needs to be there first, and where that is said.
    std::vector<std::pair<std::string, Place>> needs;
};

void read_ports(Reader& reader, const Node& node, ServiceDraft& draft);
void read_expose(Reader& reader, const Node& node, ServiceDraft& draft);
void read_volumes(Reader& reader, const Node& node, ServiceDraft& draft);
void read_tmpfs(Reader& reader, const Node& node, ServiceDraft& draft);
void read_depends_on(Reader& reader, const Node& node, ServiceDraft& draft);
void read_networks(Reader& reader, const Node& node, ServiceDraft& draft);
void read_network_mode(Reader& reader, const Node& node, ServiceDraft& draft);
void read_secrets(Reader& reader, const Node& node, ServiceDraft& draft);
void read_configs(Reader& reader, const Node& node, ServiceDraft& draft);
void read_watch(Reader& reader, const Node& node, ServiceDraft& draft);
void read_logging(Reader& reader, const Node& node, ServiceDraft& draft);
void read_ulimits(Reader& reader, const Node& node, ServiceDraft& draft);
void read_env_file(Reader& reader, const Node& node, ServiceDraft& draft);
[[nodiscard]] Check read_check(Reader& reader, const Node& node, const std::string& owner);
[[nodiscard]] std::string read_restart(Reader& reader, const Node& node);

// All keys of a service or task.
void read_service_keys(Reader& reader, const Node& node, ServiceDraft& draft);
// One of the project's own volumes, made when it is not described.
[[nodiscard]] const Volume& use_volume(ServiceDraft& draft, const std::string& name);

[[nodiscard]] const KeyTable& check_keys();
[[nodiscard]] const KeyTable& dependency_keys();
[[nodiscard]] const KeyTable& network_use_keys();
[[nodiscard]] const KeyTable& secret_use_keys();
[[nodiscard]] const KeyTable& watch_keys();
[[nodiscard]] const KeyTable& logging_keys();
[[nodiscard]] const KeyTable& volume_use_keys();
[[nodiscard]] const KeyTable& port_keys();
[[nodiscard]] const KeyTable& env_file_keys();

}  // namespace sandbox::project
