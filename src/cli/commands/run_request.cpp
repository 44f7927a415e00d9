#include "cli/commands/run_request.hpp"

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
    require_only(in, "restart", "no", "a foreground run is not started again");
    require_only(in, "ipc", "private", "every container has an IPC namespace of its own");
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

void take_lists(const Invocation& in, engine::RunRequest& request) {
    request.env = in.list("env");
    add_proxy_variables(in, request.env);
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
    request.dns_search = in.list("dns-search");
    request.dns_option = in.list("dns-option");
    request.sysctls = in.list("sysctl");
    request.devices = in.list("device");
}

}  // namespace

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
    request.network = in.try_value("network");
    request.pids_limit = in.try_value("pids-limit");
    request.userns = in.try_value("userns");
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
