#include "engine/parsed_request.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

#include "engine/flags/device_flags.hpp"
#include "engine/flags/flag_error.hpp"
#include "engine/health/health_flags.hpp"
#include "engine/signal_names.hpp"
#include "engine/user_lookup.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/net/published_port.hpp"

namespace sandbox::engine {
namespace {

void parse_mounts(const RunRequest& request, const CallerFacts& caller, ParsedRequest& parsed) {
    for (const std::string& text : request.volumes) {
        parsed.mounts.push_back(parse_volume_flag(text, caller.current_dir));
    }
    for (const std::string& text : request.mounts) {
        parsed.mounts.push_back(parse_mount_flag(text, caller.current_dir));
    }
    for (const std::string& text : request.tmpfs) {
        parsed.mounts.push_back(parse_tmpfs_flag(text));
    }
    for (const std::string& text : request.devices) {
        for (MountWish& wish : parse_device_flag(text)) parsed.mounts.push_back(std::move(wish));
    }
    for (MountWish& mount : parsed.mounts) {
        const std::vector<std::string>& carried = request.carried_volumes;
        mount.spec.anonymous =
            std::find(carried.begin(), carried.end(), mount.spec.volume_name) != carried.end();
    }
    sort_mounts(parsed.mounts);
    for (const MountWish& mount : parsed.mounts) {
        for (const std::string& notice : mount.notices) base::log::notice(notice);
    }
}

void parse_environment(const RunRequest& request, const CallerFacts& caller,
                       ParsedRequest& parsed) {
    for (const std::string& path : request.env_files) {
        for (EnvAssignment& entry : load_env_file(path, caller.environment)) {
            parsed.env.push_back(std::move(entry));
        }
    }
    for (const std::string& text : request.env) {
        if (auto entry = parse_env_flag(text, caller.environment)) {
            parsed.env.push_back(std::move(*entry));
        }
    }
}

void parse_security(const RunRequest& request, ParsedRequest& parsed) {
    parsed.security = parse_security_opts(request.security_opt);
    for (const std::string& notice : parsed.security.notices) base::log::notice(notice);
    if (request.privileged) {
        parsed.security.seccomp_unconfined =
            parsed.security.seccomp_unconfined || parsed.security.seccomp_file.empty();
        parsed.security.mask_paths = false;
    }
    if (request.seccomp_profile) {
        parsed.seccomp_profile = *request.seccomp_profile;
    } else if (!parsed.security.seccomp_file.empty()) {
        constexpr size_t kMaxProfileBytes = 4u << 20;
        try {
            parsed.seccomp_profile =
                base::read_file(parsed.security.seccomp_file, kMaxProfileBytes);
        } catch (base::Error& error) {
            error.add_context("--security-opt seccomp");
            error.set_code(base::exit_code::kEngine);
            throw;
        }
    }
    const kernel::CapabilitySet start =
        request.privileged ? kernel::all_capabilities() : kernel::default_capabilities();
    parsed.capabilities = kernel::resolve_capabilities(start, request.cap_add, request.cap_drop);
}

void parse_limits(const RunRequest& request, ParsedRequest& parsed) {
    for (const std::string& text : request.ulimits) {
        auto [resource, wish] = parse_ulimit(text);
        rlimit mine{};
        if (::getrlimit(static_cast<__rlimit_resource>(resource), &mine) == 0) {
            wish = allowed_ulimit(text, resource, wish, mine, request.strict_limits);
        }
        std::erase_if(parsed.ulimits,
                      [&, wanted = resource](const auto& known) { return known.first == wanted; });
        parsed.ulimits.emplace_back(resource, wish);
    }
    if (request.shm_size) parsed.shm_size_bytes = parse_shm_size(*request.shm_size);
    if (request.pids_limit) parsed.pids_limit = parse_pids_limit(*request.pids_limit);
    parsed.resources = parse_resources(request);
}

void require_unplaced(const RunRequest& request) {
    const bool placed = !request.network_aliases.empty() || request.ip || request.ip6;
    if (!placed && !request.mac_address) return;
    throw_usage("--network-alias, --ip, --ip6 and --mac-address are for named networks",
                "sandbox network create NAME, then --network NAME");
}

void parse_networks(const RunRequest& request, ParsedRequest& parsed) {
    parsed.network = parse_network(request.network.value_or("private"));
    std::vector<std::string> words = request.networks;
    if (words.empty() && parsed.network.named) words = {*request.network};
    for (const std::string& word : words) {
        NetworkUse use = parse_network_use(word);
        for (const NetworkUse& other : parsed.networks) {
            if (other.name == use.name) {
                throw_usage("--network: network " + base::quote(use.name) + " is named twice");
            }
        }
        parsed.networks.push_back(std::move(use));
    }
    if (parsed.networks.empty()) return require_unplaced(request);
    parsed.network = {NetworkMode::attached, parsed.networks.front().name, true};
    if (parsed.networks.size() == 1 && parsed.network.name == kPrivateNetwork) {
        parsed.network.named = false;
        parsed.networks.clear();
    }
    const auto named =
        std::find_if(parsed.networks.begin(), parsed.networks.end(),
                     [](const NetworkUse& use) { return use.name != kPrivateNetwork; });
    if (named == parsed.networks.end()) return require_unplaced(request);
    NetworkUse& first = *named;
    for (const std::string& alias : request.network_aliases) {
        first.aliases.push_back(check_network_alias(alias));
    }
    if (request.ip) first.ip = check_ip_address(*request.ip, "--ip");
    if (request.ip6) first.ip6 = check_ip_address(*request.ip6, "--ip6");
    if (request.mac_address) first.mac = check_mac_address(*request.mac_address);
}

void parse_names(const RunRequest& request, ParsedRequest& parsed) {
    parse_networks(request, parsed);
    parsed.host_access = parse_host_access(request.host_access);
    if (parsed.host_access.any() && parsed.network.mode != NetworkMode::attached) {
        throw_usage("--host-access and --network " + parsed.network.name + " contradict each other",
                    parsed.network.mode == NetworkMode::host
                        ? "with the host's network its loopback is open as it is"
                        : "use --network private");
    }
    for (const std::string& text : request.publish) (void)net::parse_published_port(text);
    const bool joined = parsed.network.mode == NetworkMode::joined;
    if (!request.publish.empty() && (joined || parsed.network.mode == NetworkMode::none)) {
        throw_usage("--publish and --network " + parsed.network.name + " contradict each other",
                    joined ? "publish the ports of the container whose network it is" : "");
    }
    if (request.name) parsed.name = check_container_name(*request.name);
    if (request.hostname) parsed.hostname = check_hostname(*request.hostname);
    for (const std::string& text : request.add_host) {
        parsed.hosts.push_back(parse_add_host(text, parsed.network.mode));
    }
    if (request.no_hosts && !request.add_host.empty()) {
        throw_usage("--no-hosts and --add-host contradict each other");
    }
    for (const std::string& text : request.dns) (void)check_ip_address(text, "--dns");
    for (const std::string& text : request.sysctls) {
        const auto [key, value] = parse_sysctl(text, parsed.network.mode);
        parsed.sysctls[key] = value;
    }
    for (const std::string& path : request.label_files) {
        for (const std::string& text : load_label_file(path)) {
            parse_label(text, "--label-file", parsed.labels);
        }
    }
    for (const std::string& text : request.labels) parse_label(text, "--label", parsed.labels);
    for (const std::string& text : request.annotations) {
        parse_label(text, "--annotation", parsed.annotations);
    }
    if (request.restart) parsed.restart = parse_restart_policy(*request.restart);
    if (parsed.restart.kind != RestartPolicy::Kind::no && request.remove == true) {
        throw_usage("--restart and --rm contradict each other",
                    "a container that is removed when it ends cannot be started again");
    }
    if (request.stop_signal) parsed.stop_signal = parse_signal(*request.stop_signal);
    if (request.userns) check_userns(*request.userns);
    if (request.identity) parsed.identity = parse_identity(*request.identity);
    for (const std::string& text : request.expose) {
        for (std::string& port : parse_expose(text)) parsed.exposed.insert(std::move(port));
    }
}

void refuse_what_is_not_there(const RunRequest& request) {
    const auto& groups = request.group_add;
    if (std::find(groups.begin(), groups.end(), kKeepGroups) != groups.end()) {
        if (groups.size() > 1) {
            throw_usage("--group-add keep-groups excludes all others",
                        "leave the others out: a process has all of its groups from one list");
        }
        if (::geteuid() == 0) {
            throw_usage("--group-add keep-groups: not as root",
                        "root's groups own the host's files");
        }
    }
    if (request.working_dir && !request.working_dir->starts_with('/')) {
        throw_bad_flag("--workdir", *request.working_dir, "must be an absolute path");
    }
    if (request.replace && !request.name) throw_usage("--replace needs --name");
    if (request.image.empty()) throw_usage("invalid reference format: the image name is empty");
    constexpr std::uint32_t kMaxPreserved = 1024;
    if (request.preserve_fds > kMaxPreserved) throw_usage("--preserve-fds: at most 1024");
}

}  // namespace

CallerFacts caller_facts() {
    std::array<char, PATH_MAX> buffer{};
    CallerFacts facts;
    // A removed working directory matters only to those who name a relative path.
    facts.current_dir = ::getcwd(buffer.data(), buffer.size()) == nullptr ? "/" : buffer.data();
    facts.environment = process_environment();
    return facts;
}

ParsedRequest parse_request(const RunRequest& request, const CallerFacts& caller) {
    ParsedRequest parsed;
    refuse_what_is_not_there(request);
    check_health_flags(request);
    parse_names(request, parsed);
    parse_mounts(request, caller, parsed);
    parse_environment(request, caller, parsed);
    parse_security(request, parsed);
    parse_limits(request, parsed);
    parsed.log = parse_log_flags(request.log_driver, request.log_options, caller.current_dir);
    return parsed;
}

}  // namespace sandbox::engine
