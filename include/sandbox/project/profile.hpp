// A project as its profile files say it: services, tasks, networks, volumes, secrets; every word
// read, checked and interpolated. Pure data; nothing is looked up on the host but the files that
// are named. What runs from it is the orchestrator's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/engine/run.hpp"

namespace sandbox::project {

// When a dependency is good enough.
enum class Condition {
    started,    // its process runs
    healthy,    // its health check said yes
    ready,      // healthy, or listening on a declared port, or started: what there is to know
    completed,  // it ended with 0
};

struct Dependency {
    std::string service;  // or task
    Condition condition = Condition::ready;
    bool required = true;  // false: only when it is part of this `up`
    bool restart = false;  // restarted with it
};

// `ready` or `healthcheck`.
struct Check {
    bool disabled = false;
    bool shell = false;                 // command[0] is a line for the container's /bin/sh
    std::vector<std::string> command;   // empty: the image's, or the listening sockets
    std::optional<std::uint16_t> port;  // ready when something listens there
    std::chrono::nanoseconds interval = std::chrono::seconds(30);
    std::chrono::nanoseconds timeout = std::chrono::seconds(30);
    std::chrono::nanoseconds start_period{0};
    std::chrono::nanoseconds start_interval = std::chrono::seconds(5);
    std::uint32_t retries = 3;
};

struct NetworkUse {
    std::string network;
    std::vector<std::string> aliases;
    std::string ipv4, ipv6;  // empty: given out
    std::string mac{};       // empty: chosen
};

struct EnvFileUse {
    std::string path;  // absolute
    bool raw = false;  // not in the grammar of .env
};

struct SecretUse {
    std::string secret;
    bool is_config = false;  // of that name among the configs
    std::string target;      // absolute path in the container
    std::string uid, gid;
    std::uint32_t mode = 0444;
};

struct Watch {
    enum class Action { restart, sync, sync_restart, task };
    std::string path;  // absolute, on the host
    Action action = Action::restart;
    std::string target;  // of a sync: absolute path in the container
    std::string task;    // task: which
    std::vector<std::string> ignore;
};

struct Service {
    std::string name;
    bool is_task = false;
    std::string where;  // "FILE:LINE", for messages at run time
    // What `run` would be asked: image, command, environment, mounts, ports, limits, …. Names of
    // volumes are those of the store (see scoped_name()).
    engine::RunRequest request;
    // The image's name under sandbox.lock (see image_lock.hpp); empty: request.image.
    std::string locked_image;
    std::string container_name;  // empty: PROJECT-SERVICE-N
    // Why it cannot be made here; thrown when that is asked for. It may lack an image then.
    std::optional<base::UsageError> refused;
    std::vector<Dependency> depends_on;
    std::optional<Check> ready, healthcheck;
    std::vector<NetworkUse> networks;
    std::vector<std::string> host_access;  // ports of the host's loopback that are opened
    std::vector<SecretUse> secrets;        // configs, too
    std::vector<EnvFileUse> env_files;
    std::map<std::string, std::string> file_env;  // what they say, the last one wins
    std::vector<Watch> watch;
    std::vector<std::string> profiles;  // optional groups it belongs to; empty: always
    std::string identity;               // empty: chosen by itself
    std::uint32_t scale = 1;
    bool attach = true;                    // its logs are shown by `up`
    bool cache = true;                     // task: not run again while nothing changed
    std::vector<std::string> inputs;       // task: files whose content counts as "changed"
    std::vector<std::string> volume_uses;  // named volumes among request.volumes and mounts

    [[nodiscard]] const std::string& image() const noexcept {
        return locked_image.empty() ? request.image : locked_image;
    }
};

struct Network {
    std::string name;        // key in the profile
    std::string given_name;  // `name`: instead of PROJECT_NAME
    bool external = false;   // exists already and is not the project's
    bool internal = false;
    // Absent: there is IPv6, but names answer IPv4 alone, as compose's networks do.
    std::optional<bool> ipv6;
    std::string subnet, gateway, subnet6;
    std::map<std::string, std::string> labels;
};

struct Volume {
    std::string name;
    std::string given_name;
    bool external = false;
    std::map<std::string, std::string> labels, options;
    std::string device{};    // absolute: it is that directory of the host; empty: the store's
    bool read_only = false;  // of the device: "o" says ro
    std::string where{};     // "FILE:LINE"; empty: nobody describes it
    std::optional<base::UsageError> refused{};  // who uses it cannot be made
};

struct Secret {
    std::string name;
    std::string file;         // absolute; or
    std::string environment;  // the variable that holds it; or
    std::optional<std::string> content;
    bool is_config = false;            // described under "configs"
    bool external = false;             // of a store that is not had here
    std::optional<std::string> value;  // of the variable; absent: it is not set. Never shown
    std::optional<base::UsageError> refused{};  // who uses it cannot be made
};

struct Project {
    std::string name;
    bool is_name_given = false;          // by -p or $SANDBOX_PROJECT: meant, whoever has it
    std::string directory;               // absolute: relative paths start there
    std::vector<std::string> files;      // as read, absolute; "-": standard input
    std::vector<std::string> env_files;  // that gave variables, absolute: --env-file's, or .env
    std::vector<Service> services;       // tasks too, in the order of the files
    std::vector<Network> networks;       // without `default`, unless it is described
    std::vector<Volume> volumes;         // every one that a service uses or the profile describes
    std::vector<Secret> secrets;
    std::map<std::string, std::string> image_lock;  // of sandbox.lock: digests by image
    std::vector<std::string> notices;               // unset variables, keys without effect
    std::string dotenv_groups;                      // COMPOSE_PROFILES of .env, for who hears it

    [[nodiscard]] const Service* find_service(const std::string& name) const noexcept;
    [[nodiscard]] const Volume* find_volume(const std::string& name) const noexcept;
    [[nodiscard]] const Network* find_network(const std::string& name) const noexcept;
    // "PROJECT_NAME", unless it is external or has a name of its own.
    [[nodiscard]] std::string scoped_name(const Volume& volume) const;
    [[nodiscard]] std::string scoped_name(const Network& network) const;
};

struct LoadOptions {
    std::vector<std::string> files;      // -f, merged in this order; empty: found upward; "-":
                                         // a compose file on standard input
    std::string name;                    // -p; empty: the profile's `name`, else the directory's
    std::string current_dir;             // absolute
    std::vector<std::string> env_files;  // empty: .env
    std::string directory;               // absolute; empty: that of the first file
    // COMPOSE_FILE and COMPOSE_PATH_SEPARATOR name files, in the environment or else in the .env of
    // the working directory, whose variables then come first.
    bool hears_compose = false;
    // The last word on a name that nobody gave: see names.hpp. May be empty.
    std::function<std::string(const std::string& name, const std::string& directory)> settle_name =
        {};
    std::function<std::optional<std::string>(const std::string&)> environment;  // seam for tests
};

// The names that are looked for, in this order, from the working directory up to the root of the
// file system or the home directory.
[[nodiscard]] const std::vector<std::string>& profile_file_names();
// Throws UsageError "FILE:LINE:COLUMN: why" with the line as detail and the cure as hint;
// NotFoundError (1) when there is no file.
[[nodiscard]] Project load_project(const LoadOptions& options);

// The profile's JSON schema (draft 7), made from the table that the parser uses.
[[nodiscard]] base::json::Value profile_schema();
// The same table in roff, for sandbox-profile(5).
[[nodiscard]] std::string profile_manual();

}  // namespace sandbox::project
