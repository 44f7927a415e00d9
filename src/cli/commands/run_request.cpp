#include "cli/commands/run_request.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <optional>

#include "cli/options.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"

namespace sandbox::cli {
namespace {

constexpr int kEngine = base::exit_code::kEngine;

std::optional<std::uint32_t> try_number(const Invocation& in, std::string_view key) {
    const std::optional<std::string> text = in.try_value(key);
    if (!text) return std::nullopt;
    const std::optional<std::uint64_t> number = base::try_parse_u64(*text);
    if (!number || *number > UINT32_MAX) {
        throw base::UsageError(
            "invalid argument " + base::quote(*text) + " for --" + std::string(key),
            "a whole number is needed", kEngine);
    }
    return static_cast<std::uint32_t>(*number);
}

// Flags of which only docker's default is there.
void require_only(const Invocation& in, std::string_view key, std::string_view allowed,
                  std::string_view why) {
    const std::optional<std::string> text = in.try_value(key);
    if (!text || text->empty() || *text == allowed) return;
    throw base::UsageError("--" + std::string(key) + " " + base::quote(*text) +
                               " is not available: " + std::string(why),
                           {}, kEngine);
}

void require_defaults(const Invocation& in) {
    require_only(in, "cgroupns", "private", "every container has a cgroup namespace of its own");
    require_only(
        in, "ipc", "private",
        "every container has an IPC namespace of its own; --shm-size makes more room in it");
    require_only(in, "pid", "private", "every container has a process namespace of its own");
    require_only(in, "uts", "private", "every container has a host name of its own");
}

void add_proxy_variables(const Invocation& in, std::vector<std::string>& env) {
    if (!in.toggle("http-proxy")) return;
    for (const char* name : {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy",
                             "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"}) {
        // In front, so that -e wins.
        if (base::try_env(name)) env.insert(env.begin(), name);
    }
}

// "Europe/Berlin" of /etc/localtime → ../usr/share/zoneinfo/Europe/Berlin; UTC when it is no link.
std::string local_zone() {
    constexpr std::string_view kPlace = "/zoneinfo/";
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink("/etc/localtime", target.data(), target.size());
    if (size <= 0) return "UTC";
    const std::string_view path(target.data(), static_cast<size_t>(size));
    const size_t at = path.find(kPlace);
    return at == path.npos ? "UTC" : std::string(path.substr(at + kPlace.size()));
}

void add_time_zone(const Invocation& in, std::vector<std::string>& env) {
    const std::optional<std::string> zone = in.try_value("tz");
    if (!zone) return;
    if (zone->empty() || zone->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstu"
                                                 "vwxyz0123456789/_+-,:.<>") != zone->npos) {
        throw base::UsageError("invalid value " + base::quote(*zone) + " for --tz: not a time zone",
                               "such as Europe/Berlin, UTC or local", kEngine);
    }
    // In front, so that -e wins.
    env.insert(env.begin(), "TZ=" + (*zone == "local" ? local_zone() : *zone));
}

void take_lists(const Invocation& in, engine::RunRequest& request) {
    request.env = in.list("env");
    add_proxy_variables(in, request.env);
    add_time_zone(in, request.env);
    request.env_files = in.list("env-file");
    request.unset_env = in.list("unsetenv");
    request.volumes = in.list("volume");
    request.mounts = in.list("mount");
    request.tmpfs = in.list("tmpfs");
    request.volumes_from = in.list("volumes-from");
    request.cap_add = in.list("cap-add");
    request.cap_drop = in.list("cap-drop");
    request.security_opt = in.list("security-opt");
    request.ulimits = in.list("ulimit");
    request.labels = in.list("label");
    request.label_files = in.list("label-file");
    request.annotations = in.list("annotation");
    request.group_add = in.list("group-add");
    request.add_host = in.list("add-host");
    request.dns = in.list("dns");
    request.publish = in.list("publish");
    request.publish_all = in.toggle("publish-all");
    request.dns_search = in.list("dns-search");
    request.dns_option = in.list("dns-option");
    request.sysctls = in.list("sysctl");
    request.devices = in.list("device");
    request.expose = in.list("expose");
    request.log_driver = in.try_value("log-driver");
    request.log_options = in.list("log-opt");
    request.attach = in.list("attach");
}

void take_networks(const Invocation& in, engine::RunRequest& request) {
    const std::vector<std::string>& networks = in.list("network");
    const bool is_long = !networks.empty() && networks[0].find('=') != std::string::npos;
    if (networks.size() == 1 && !is_long) {
        request.network = networks[0];
    } else {
        request.networks = networks;
    }
    request.network_aliases = in.list("network-alias");
    request.host_access = in.list("host-access");
    request.ip = in.try_value("ip");
    request.ip6 = in.try_value("ip6");
    request.mac_address = in.try_value("mac-address");
}

}  // namespace

void take_limits(const Invocation& in, engine::RunRequest& request) {
    request.memory = in.try_value("memory");
    request.memory_swap = in.try_value("memory-swap");
    request.memory_reservation = in.try_value("memory-reservation");
    request.cpus = in.try_value("cpus");
    request.cpu_shares = in.try_value("cpu-shares");
    request.cpu_quota = in.try_value("cpu-quota");
    request.cpu_period = in.try_value("cpu-period");
    request.cpuset_cpus = in.try_value("cpuset-cpus");
    request.cpuset_mems = in.try_value("cpuset-mems");
    request.blkio_weight = in.try_value("blkio-weight");

    request.strict_limits = in.toggle("strict-limits");
}

engine::RunRequest make_run_request(const Invocation& in) {
    require_defaults(in);
    engine::RunRequest request;
    request.image = in.arguments()[0];
    request.command.assign(in.arguments().begin() + 1, in.arguments().end());
    take_lists(in, request);
    request.entrypoint = in.try_value("entrypoint");
    request.working_dir = in.try_value("workdir");
    request.user = in.try_value("user");
    request.hostname = in.try_value("hostname");
    request.name = in.try_value("name");
    request.cidfile = in.try_value("cidfile");
    request.shm_size = in.try_value("shm-size");
    request.stop_signal = in.try_value("stop-signal");
    take_networks(in, request);
    request.pids_limit = in.try_value("pids-limit");
    request.oom_score_adj = in.try_value("oom-score-adj");
    request.restart = in.try_value("restart");
    request.health_cmd = in.try_value("health-cmd");
    request.health_interval = in.try_value("health-interval");
    request.health_timeout = in.try_value("health-timeout");
    request.health_start_period = in.try_value("health-start-period");
    request.health_start_interval = in.try_value("health-start-interval");
    request.health_retries = in.try_value("health-retries");
    request.no_healthcheck = in.toggle("no-healthcheck");
    request.userns = in.try_value("userns");
    request.identity = in.try_value("identity");
    take_limits(in, request);
    request.platform = try_platform(in, kEngine);
    request.pull = pull_policy(in.value_or("pull", "missing"));
    request.stop_timeout_seconds = try_number(in, "stop-timeout");
    request.timeout_seconds = try_number(in, "timeout");
    request.preserve_fds = try_number(in, "preserve-fds").value_or(0);
    request.remove = in.try_toggle("rm");
    if (in.toggle("keep")) {
        if (request.remove == true) {
            throw base::UsageError("--rm and --keep contradict each other", {}, kEngine);
        }
        request.remove = false;
    }
    // Whoever wants it started again wants it kept.
    if (request.restart && !request.remove && *request.restart != "no") request.remove = false;
    request.interactive = in.toggle("interactive");
    request.tty = in.try_toggle("tty");
    request.init = in.try_toggle("init");
    request.unset_env_all = in.toggle("unsetenv-all");
    request.read_only = in.toggle("read-only");
    request.privileged = in.toggle("privileged");
    request.quiet = in.toggle("quiet");
    request.sig_proxy = in.toggle("sig-proxy", true);
    request.replace = in.toggle("replace");
    request.no_hosts = in.toggle("no-hosts");
    return request;
}

}  // namespace sandbox::cli
