#include "engine/spec_builder.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "engine/flags/flag_error.hpp"
#include "engine/flags/option_flags.hpp"
#include "engine/health/health_flags.hpp"
#include "engine/identity/identity_service.hpp"
#include "engine/network/network_files.hpp"
#include "engine/signal_names.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/net/published_port.hpp"

namespace sandbox::engine {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string read_host_file(const char* path) {
    constexpr size_t kMaxBytes = 1u << 20;
    try {
        return base::try_read_file_at(AT_FDCWD, path, kMaxBytes).value_or("");
    } catch (const base::Error& error) {
        base::log::debug(error.message());
        return {};  // without it names do not resolve; that is no reason not to start
    }
}

// Image VOLUMEs become anonymous volumes unless a flag mounts something at the same place.
void add_image_volumes(const oci::ImageConfig& config, std::vector<MountWish>& mounts) {
    for (const std::string& path : config.volumes) {
        MountWish wish;
        wish.typed = path;
        wish.spec.kind = MountSpec::Kind::volume;
        wish.spec.seed = true;
        wish.spec.target = check_mount_target(path, "the image's VOLUME", path);
        const bool taken = std::any_of(mounts.begin(), mounts.end(), [&](const MountWish& other) {
            return other.spec.target == wish.spec.target;
        });
        if (!taken) mounts.push_back(std::move(wish));
    }
}

void set_line(Environment& env, const std::string& line) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos || equals == 0) return;  // not a variable
    env.set(line.substr(0, equals), line.substr(equals + 1));
}

std::vector<std::string> make_env(const RunRequest& request, const ParsedRequest& parsed,
                                  const oci::ImageConfig& config, SpecDraft& draft) {
    Environment declared;
    if (!request.unset_env_all) {
        declared.set("PATH", kDefaultPath);
        for (const std::string& line : config.env) set_line(declared, line);
    }
    for (const std::string& name : request.unset_env) declared.unset(name);
    for (const EnvAssignment& entry : parsed.env) declared.set(entry.name, entry.value);
    draft.declared_env = declared.list();

    Environment env = declared;
    env.set_default("container", "sandbox");
    if (draft.spec.tty) env.set_default("TERM", "xterm");
    draft.spec.home_is_users = env.find("HOME") == nullptr;
    env.set_default("HOME", draft.spec.user.home);
    return env.list();
}

// 1024 keeps programs fast that close every possible descriptor; some need more and raise it.
std::vector<std::pair<int, rlimit>> make_rlimits(const ParsedRequest& parsed,
                                                 const HostFacts& host) {
    std::vector<std::pair<int, rlimit>> limits = parsed.ulimits;
    const auto add_default = [&](int resource, rlimit limit) {
        const bool given = std::any_of(limits.begin(), limits.end(),
                                       [&](const auto& known) { return known.first == resource; });
        if (!given) limits.emplace_back(resource, limit);
    };
    const rlim_t hard = std::min<rlim_t>(524288, host.nofile.rlim_max);
    add_default(RLIMIT_NOFILE, {std::min<rlim_t>(1024, hard), hard});
    add_default(RLIMIT_CORE, {0, 0});
    return limits;
}

std::string make_working_dir(const RunRequest& request, const oci::ImageConfig& config) {
    const std::string& dir = request.working_dir ? *request.working_dir : config.working_dir;
    // Not normalised: links in it are the image's, "a/.." may not be ".".
    if (dir.empty()) return "/";
    return dir.front() == '/' ? dir : "/" + dir;
}

int image_stop_signal(const oci::ImageConfig& config) {
    if (config.stop_signal.empty()) return SIGTERM;
    if (const auto number = try_parse_signal(config.stop_signal)) return *number;
    base::log::warning("the image's stop signal " + base::quote(config.stop_signal) +
                       " does not exist, SIGTERM is used");
    return SIGTERM;
}

void set_resolver(const RunRequest& request, NetworkMode mode, const HostFacts& host,
                  ContainerSpec& spec) {
    ResolverSettings settings = parse_resolv_conf(host.resolv_conf);
    if (mode != NetworkMode::host) drop_loopback_servers(settings);
    if (!request.dns.empty()) settings.servers = request.dns;
    if (!request.dns_option.empty()) settings.options = request.dns_option;
    if (!request.dns_search.empty()) settings.search = request.dns_search;
    spec.dns_servers = std::move(settings.servers);
    spec.dns_options = std::move(settings.options);
    spec.dns_search = std::move(settings.search);
    if (spec.dns_search == std::vector<std::string>{"."}) spec.dns_search.clear();  // docker: none
}

// For -P: what the image and --expose say, and no -p has published already.
std::vector<std::string> unpublished_ports(const RunRequest& request, const ParsedRequest& parsed,
                                           const oci::ImageConfig& config) {
    std::set<std::string> exposed = parsed.exposed;
    for (const std::string& port : config.exposed_ports) {
        exposed.insert(port.find('/') == port.npos ? port + "/tcp" : port);
    }
    for (const std::string& text : request.publish) {
        for (const net::PublishedPort& port : net::parse_published_port(text)) {
            exposed.erase(std::to_string(port.container_port) + "/" +
                          std::string(net::transport_name(port.transport)));
        }
    }
    // An image says what it would do; that sctp cannot be published is no reason not to run it.
    std::erase_if(exposed, [](const std::string& port) { return port.ends_with("/sctp"); });
    return {exposed.begin(), exposed.end()};
}

// A container that was asked for no network, and publishes nothing, can live without.
void set_gateway(const RunRequest& request, const ParsedRequest& parsed,
                 const oci::ImageConfig& config, ContainerSpec& spec) {
    spec.published_ports = request.publish;
    if (request.publish_all) {
        for (std::string& port : unpublished_ports(request, parsed, config)) {
            spec.published_ports.push_back(std::move(port));
        }
    }
    const bool has_ports = !spec.published_ports.empty();
    if (spec.network != NetworkMode::attached) {
        if (has_ports && spec.network == NetworkMode::host) {
            base::log::warning("published ports mean nothing with the host's network");
        }
        spec.published_ports.clear();
        spec.dns_from_gateway = spec.network == NetworkMode::joined && request.dns.empty();
        return;
    }
    spec.network_required = has_ports || !spec.networks.empty() || !spec.host_ports.empty() ||
                            spec.link_local || request.network.has_value() ||
                            std::any_of(spec.hosts.begin(), spec.hosts.end(), [](const auto& host) {
                                return host.second == kHostGateway;
                            });
    spec.dns_from_gateway = request.dns.empty();
}

void set_network(const RunRequest& request, const ParsedRequest& parsed,
                 const oci::ImageConfig& config, const HostFacts& host, ContainerSpec& spec) {
    spec.network = parsed.network.mode;
    spec.networks = parsed.networks;
    if (spec.network == NetworkMode::joined) {
        spec.joined_container = parsed.network.name.substr(parsed.network.name.find(':') + 1);
    }
    spec.host_ports = parsed.host_access.ports;
    spec.link_local = parsed.host_access.link_local;
    if (!request.no_hosts) spec.hosts = base_hosts(spec.network, host.hosts);
    spec.hosts.insert(spec.hosts.end(), parsed.hosts.begin(), parsed.hosts.end());
    set_resolver(request, spec.network, host, spec);
    set_gateway(request, parsed, config, spec);
}

// The caller's stay, since nobody sets others. Emulated groups are anybody's.
void keep_groups(ContainerSpec& spec) {
    spec.ids.set_groups = false;
    if (spec.identity != IdentityMode::emulate) spec.user.groups = {spec.user.gid};
}

// Groups beyond the map cannot be joined; with one id there is only one.
void drop_unmapped_groups(ContainerSpec& spec, bool asked) {
    auto& groups = spec.user.groups;
    const size_t before = groups.size();
    std::erase_if(groups, [&](kernel::ContainerId id) { return !spec.ids.contains_gid(id); });
    if (groups.size() != before && asked) {
        base::log::notice(
            "--group-add: only groups of the id map can be joined (see `sandbox doctor`)");
    }
}

}  // namespace

HostFacts host_facts(NetworkMode mode) {
    HostFacts facts;
    facts.ids = kernel::host_id_map();
    facts.resolv_conf = read_host_file("/etc/resolv.conf");
    if (mode == NetworkMode::host) {
        facts.hosts = read_host_file("/etc/hosts");
        utsname names{};
        if (::uname(&names) == 0) facts.host_name = names.nodename;
    }
    if (::getrlimit(RLIMIT_NOFILE, &facts.nofile) != 0) facts.nofile = {1024, 4096};
    facts.has_terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    return facts;
}

CommandLine make_command(const RunRequest& request, const oci::ImageConfig& config) {
    CommandLine line;
    line.cmd = request.command;
    if (request.entrypoint) {
        // A new entrypoint makes the image's Cmd meaningless, an empty one too.
        if (!request.entrypoint->empty()) line.entrypoint = {*request.entrypoint};
    } else {
        line.entrypoint = config.entrypoint.value_or(std::vector<std::string>{});
        if (line.cmd.empty()) line.cmd = config.cmd.value_or(std::vector<std::string>{});
    }
    if (line.entrypoint.empty() && line.cmd.empty()) {
        throw_usage("no command: the image names none and none was given",
                    "sandbox run " + base::escape_control(request.image) + " COMMAND");
    }
    const std::string& program = line.entrypoint.empty() ? line.cmd[0] : line.entrypoint[0];
    if (program.empty()) {
        throw base::UsageError("the command is an empty word", {}, base::exit_code::kNotFound);
    }
    return line;
}

IdentityMode choose_identity(const kernel::IdMap& host, const IdentitySpec& user,
                             std::optional<IdentityMode> wish) {
    const bool range = host.mode == kernel::IdMode::range;
    if (wish && (*wish == IdentityMode::range) != range) {
        if (range) {
            throw_usage("--identity: this account has a range of ids, and they are used",
                        "leave the flag out");
        }
        throw_usage("--identity subuid: this account has no range of ids",
                    "see `sandbox doctor` for what is missing, or leave the flag out");
    }
    if (wish) return *wish;
    if (range) return IdentityMode::range;
    if (user.uid.value != 0) return IdentityMode::map_user;
    return IdentityService::is_possible() ? IdentityMode::emulate : IdentityMode::fake;
}

kernel::IdMap choose_id_map(const kernel::IdMap& host, const IdentitySpec& user,
                            IdentityMode mode) {
    if (mode == IdentityMode::emulate) return kernel::single_id_map({0}, {0});
    if (mode != IdentityMode::range) return kernel::single_id_map(user.uid, user.gid);
    const auto last = [](const std::vector<kernel::IdRange>& ranges) {
        std::uint64_t end = 0;
        for (const kernel::IdRange& range : ranges) {
            end = std::max<std::uint64_t>(end, std::uint64_t{range.inside.value} + range.count);
        }
        return std::to_string(end - 1);
    };
    if (!host.contains_uid(user.uid)) {
        throw_usage("user id " + std::to_string(user.uid.value) +
                        " is beyond the map, which ends at " + last(host.uids),
                    "choose a smaller id with --user, or give this account a longer range in "
                    "/etc/subuid");
    }
    if (!host.contains_gid(user.gid)) {
        throw_usage("group id " + std::to_string(user.gid.value) +
                        " is beyond the map, which ends at " + last(host.gids),
                    "choose a smaller id with --user, or give this account a longer range in "
                    "/etc/subgid");
    }
    return host;
}

SpecDraft make_spec(const RunRequest& request, const ParsedRequest& parsed,
                    const oci::ImageConfig& config, const AccountFiles& accounts,
                    image::RootfsPlan rootfs, const HostFacts& host) {
    SpecDraft draft;
    ContainerSpec& spec = draft.spec;
    CommandLine line = make_command(request, config);
    spec.argv = line.entrypoint;
    spec.argv.insert(spec.argv.end(), line.cmd.begin(), line.cmd.end());
    draft.entrypoint = std::move(line.entrypoint);
    draft.cmd = std::move(line.cmd);

    spec.user = look_up_user(request.user.value_or(config.user), accounts, request.group_add);
    spec.identity = choose_identity(host.ids, spec.user, parsed.identity);
    spec.ids = choose_id_map(host.ids, spec.user, spec.identity);
    if (request.group_add == std::vector<std::string>{kKeepGroups}) keep_groups(spec);
    // Emulated groups are anybody's.
    if (spec.identity != IdentityMode::emulate) {
        drop_unmapped_groups(spec, !request.group_add.empty());
    }
    spec.rootfs = std::move(rootfs);
    spec.read_only_root = request.read_only;
    draft.keep = !request.remove.value_or(parsed.name.empty());
    spec.volatile_upper = !draft.keep;

    spec.tty = request.tty.value_or(host.has_terminal);
    spec.interactive = request.interactive || (!request.tty && host.has_terminal);
    spec.group_add = request.group_add;
    spec.env = make_env(request, parsed, config, draft);
    spec.working_dir = make_working_dir(request, config);
    draft.mounts = parsed.mounts;
    add_image_volumes(config, draft.mounts);
    sort_mounts(draft.mounts);

    set_network(request, parsed, config, host, spec);

    spec.shm_size_bytes = parsed.shm_size_bytes;
    spec.capabilities = parsed.capabilities;
    spec.no_new_privileges = parsed.security.no_new_privileges;
    spec.mask_paths = parsed.security.mask_paths;
    spec.privileged = request.privileged;
    spec.rlimits = make_rlimits(parsed, host);
    spec.pids_limit = parsed.pids_limit;
    spec.limits = parsed.resources.limits;
    spec.strict_limits = request.strict_limits;
    spec.oom_score_adj = parsed.resources.oom_score_adj;
    spec.sysctls = parsed.sysctls;
    spec.init = request.init.value_or(true);
    spec.stop_signal = parsed.stop_signal ? *parsed.stop_signal : image_stop_signal(config);
    spec.stop_timeout_seconds = request.stop_timeout_seconds.value_or(10);
    for (std::uint32_t i = 0; i < request.preserve_fds; ++i) {
        spec.preserve_fds.push_back(static_cast<int>(3 + i));
    }
    spec.health = make_health(request, config);
    draft.labels = config.labels;
    for (const auto& [key, value] : parsed.labels) draft.labels[key] = value;
    return draft;
}

void name_container(ContainerSpec& spec, const ParsedRequest& parsed, const HostFacts& host,
                    const std::string& id, const std::string& name) {
    spec.id = id;
    spec.name = name;
    const bool is_host_network = spec.network == NetworkMode::host && !host.host_name.empty();
    const std::string fallback = is_host_network ? host.host_name : id.substr(0, 12);
    spec.hostname = parsed.hostname.empty() ? fallback : parsed.hostname;
    const bool has_hostname = std::any_of(spec.env.begin(), spec.env.end(), [](const auto& line) {
        return line.starts_with("HOSTNAME=");
    });
    if (!has_hostname) spec.env.push_back("HOSTNAME=" + spec.hostname);
    if (!spec.hosts.empty() && spec.network != NetworkMode::host) {
        spec.hosts.emplace_back(spec.hostname, "127.0.0.1");
    }
}

}  // namespace sandbox::engine
