// What is done to containers by name: start, stop, restart, kill, wait, pause, unpause, rename.
#include "sandbox/engine/lifecycle.hpp"

#include <functional>

#include "cli/commands.hpp"
#include "cli/container_filter.hpp"
#include "cli/context.hpp"
#include "cli/failures.hpp"
#include "cli/options.hpp"
#include "cli/project_lifecycle.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/attach.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/project/secrets.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kAllFlag = {"-a,--all", FlagKind::toggle, "", "every container"};
constexpr Flag kFilterFlag = {"-f,--filter", FlagKind::list, "NAME=VALUE",
                              "those that match, as `sandbox ps --filter`"};
constexpr Flag kSignalFlag = {"-s,--signal", FlagKind::value, "SIGNAL",
                              "signal to send, by name or number"};
constexpr Flag kTimeFlag = {"-t,--time,--timeout", FlagKind::value, "SECONDS",
                            "wait before it is killed (-1: for ever)"};

constexpr Flag kStartFlags[] = {
    {"--all", FlagKind::toggle, "", "every container that does not run"},
    {"-a,--attach", FlagKind::toggle, "", "show its output, and end with its exit code"},
    {"--detach-keys", FlagKind::value, "KEYS",
     "with --attach: keys that leave it running (default ctrl-p,ctrl-q)"},
    kFilterFlag,
    {"-i,--interactive", FlagKind::toggle, "", "pass standard input on; implies --attach"},
    {"--sig-proxy", FlagKind::toggle, "", "with --attach: forward signals (the default)"},
    kScopeFileFlag,
    kScopeNameFlag,
};
constexpr RefusedFlag kStartRefused[] = {
    {"--checkpoint,--checkpoint-dir", "checkpoints are not available"},
};
constexpr Flag kStopFlags[] = {
    kAllFlag,
    kFilterFlag,
    {"-i,--ignore", FlagKind::toggle, "", "a container that is not there is no failure"},
    kSignalFlag,
    kTimeFlag,
    kScopeFileFlag,
    kScopeNameFlag,
};
constexpr Flag kRestartFlags[] = {
    kAllFlag,
    kFilterFlag,
    {"--no-deps", FlagKind::toggle, "",
     "of services: not those that want to be restarted with them"},
    kSignalFlag,
    kTimeFlag,
    kScopeFileFlag,
    kScopeNameFlag,
};
constexpr Flag kKillFlags[] = {
    kAllFlag,
    {"--remove-orphans", FlagKind::toggle, "", "accepted: without names they are meant, too"},
    kSignalFlag,
    kScopeFileFlag,
    kScopeNameFlag,
};
constexpr Flag kWaitFlags[] = {
    {"--condition", FlagKind::value, "CONDITION", "not-running (the default), next-exit, removed",
     Completes::words, "not-running next-exit removed"},
    {"--ignore", FlagKind::toggle, "", "a container that is not there answers -1"},
    kScopeFileFlag,
    kScopeNameFlag,
};
constexpr Flag kPauseFlags[] = {
    kAllFlag,
    kScopeFileFlag,
    kScopeNameFlag,
};

using Wants = std::function<bool(const engine::ContainerRow&)>;

bool wants_deployed(const Wants& wants, const project::Deployed& container) {
    engine::ContainerRow row;
    row.state = container.state;
    return wants(row);
}

// All of the project that `wants` chooses.
std::vector<std::string> project_containers(ProjectScope& scope, const Wants& wants) {
    std::vector<std::string> ids;
    for (const project::Deployed& each : scope.deployed()) {
        if (each.number != 0 && wants_deployed(wants, each)) ids.push_back(each.id);
    }
    return ids;
}

// The names that were given, or with --all and --filter those that `wants` chooses.
std::vector<std::string> chosen(Context& context, const Invocation& in, bool may_filter,
                                const Wants& wants) {
    const std::vector<std::string> filters =
        may_filter ? in.list("filter") : std::vector<std::string>{};
    const bool all = in.toggle("all") || !filters.empty();
    if (!in.arguments().empty() || !all) {
        if (all) throw base::UsageError("--all and --filter take no names");
        ProjectScope scope(context, in);
        if (!in.arguments().empty()) {
            return scope.containers(in.arguments(), [&](const project::Deployed& each) {
                return wants_deployed(wants, each);
            });
        }
        if (!scope.exists()) throw base::UsageError("no container named", "name one, or use --all");
        return project_containers(scope, wants);
    }
    std::vector<std::string> names;
    const auto rows = filter_containers(context.store(), engine::list_containers(context.store()),
                                        parse_container_filters(filters), true);
    for (const engine::ContainerRow& row : rows) {
        if (wants(row)) names.push_back(row.id);
    }
    return names;
}

int for_each(Context& context, const std::vector<std::string>& names,
             const std::function<void(const std::string&)>& action) {
    Failures failures;
    for (const std::string& name : names) {
        failures.attempt([&] {
            action(name);
            context.out.line(name);
            context.out.flush();  // one at a time, for whoever reads along
        });
    }
    return failures.code();
}

bool is_up(const engine::ContainerRow& row) {
    return row.state == "running" || row.state == "paused" || row.state == "restarting";
}

std::optional<std::int64_t> time_of(const Invocation& in) {
    const std::optional<std::string> text = in.try_value("time");
    if (!text) return std::nullopt;
    const bool negative = text->starts_with('-');
    const auto number = base::try_parse_u64(text->substr(negative ? 1 : 0));
    if (!number || *number > UINT32_MAX) {
        throw base::UsageError("invalid argument " + base::quote(*text) + " for --time",
                               "a whole number of seconds is needed");
    }
    return negative ? -1 : static_cast<std::int64_t>(*number);
}

engine::StopWish stop_wish(const Invocation& in) {
    return {time_of(in), in.value_or("signal", "")};
}

int start_in_foreground(Context& context, const Invocation& in) {
    if (in.arguments().size() != 1 || in.toggle("all") || !in.list("filter").empty()) {
        throw base::UsageError("--attach takes one container", "start the others without it");
    }
    engine::AttachRequest request;
    request.container = in.arguments().front();
    request.no_stdin = !in.toggle("interactive");
    request.sig_proxy = in.toggle("sig-proxy", true);
    request.detach_keys = in.try_value("detach-keys");
    project::provide_secrets_for(context.store(), request.container);
    return engine::start_attached(context.store(), request);
}

bool chooses_by_filter(const Invocation& in) {
    return in.toggle("all") || !in.list("filter").empty();
}

// Names of services are dealt with as such; the rest one by one.
int for_services_and(Context& context, const Invocation& in, ServiceVerb verb,
                     const engine::StopWish& wish,
                     const std::function<void(const std::string&)>& action) {
    int code = 0;
    const std::vector<std::string> rest = take_services(context, in, verb, wish, code);
    const int other = for_each(context, rest, action);
    return code != 0 ? code : other;
}

int run_start(Context& context, const Invocation& in) {
    if (in.toggle("attach") || in.toggle("interactive")) return start_in_foreground(context, in);
    const auto start = [&](const std::string& name) {
        project::provide_secrets_for(context.store(), name);
        engine::start_container(context.store(), name);
    };
    if (!chooses_by_filter(in)) {
        return for_services_and(context, in, ServiceVerb::start, {}, start);
    }
    // At boot: what a restart policy wants, and not what its user has stopped.
    bool by_policy = false;
    for (const std::string& filter : in.list("filter")) {
        by_policy = by_policy || filter.starts_with("restart-policy=");
    }
    const auto names = chosen(context, in, true, [&](const engine::ContainerRow& row) {
        return !is_up(row) && (!by_policy || engine::wants_boot_start(context.store(), row.id));
    });
    return for_each(context, names, start);
}

int run_stop(Context& context, const Invocation& in) {
    const engine::StopWish wish = stop_wish(in);
    const auto stop = [&](const std::string& name) {
        try {
            engine::stop_container(context.store(), name, wish);
        } catch (const base::NotFoundError&) {
            if (!in.toggle("ignore")) throw;
        }
    };
    if (!chooses_by_filter(in)) {
        return for_services_and(context, in, ServiceVerb::stop, wish, stop);
    }
    return for_each(context, chosen(context, in, true, is_up), stop);
}

int run_restart(Context& context, const Invocation& in) {
    const engine::StopWish wish = stop_wish(in);
    const auto restart = [&](const std::string& name) {
        project::provide_secrets_for(context.store(), name);
        engine::restart_container(context.store(), name, wish);
    };
    if (!chooses_by_filter(in)) {
        return for_services_and(context, in, ServiceVerb::restart, wish, restart);
    }
    return for_each(context, chosen(context, in, true, is_up), restart);
}

int run_kill(Context& context, const Invocation& in) {
    const std::string signal = in.value_or("signal", "KILL");
    return for_each(context, chosen(context, in, false, is_up), [&](const std::string& name) {
        engine::signal_container(context.store(), name, signal);
    });
}

// With --ignore a name may be anything.
std::vector<std::string> wait_names(Context& context, const Invocation& in) {
    if (in.toggle("ignore")) return in.arguments();
    return ProjectScope(context, in).containers(in.arguments());
}

int run_wait(Context& context, const Invocation& in) {
    const auto condition = engine::parse_wait_condition(in.value_or("condition", ""));
    Failures failures;
    for (const std::string& name : wait_names(context, in)) {
        failures.attempt([&] {
            int code = -1;
            try {
                code = engine::wait_container(context.store(), name, condition);
            } catch (const base::NotFoundError&) {
                if (!in.toggle("ignore")) throw;
            }
            context.out.line(std::to_string(code));
            context.out.flush();
        });
    }
    return failures.code();
}

int run_pause(Context& context, const Invocation& in) {
    const auto names = chosen(
        context, in, false, [](const engine::ContainerRow& row) { return row.state == "running"; });
    return for_each(context, names, [&](const std::string& name) {
        engine::pause_container(context.store(), name, true);
    });
}

int run_unpause(Context& context, const Invocation& in) {
    const auto names = chosen(
        context, in, false, [](const engine::ContainerRow& row) { return row.state == "paused"; });
    return for_each(context, names, [&](const std::string& name) {
        engine::pause_container(context.store(), name, false);
    });
}

int run_rename(Context& context, const Invocation& in) {
    engine::rename_container(context.store(), in.arguments()[0], in.arguments()[1]);
    return 0;
}

}  // namespace

constinit const Command kStartCommand = {
    .names = "start,container start,compose start",
    .arguments = "[SERVICE|CONTAINER...]",
    .summary = "Start containers that do not run",
    .flags = kStartFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_start,
    .completes = Completes::containers,
    .refused = kStartRefused,
};
constinit const Command kStopCommand = {
    .names = "stop,container stop,compose stop",
    .arguments = "[SERVICE|CONTAINER...]",
    .summary = "Stop running containers",
    .flags = kStopFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_stop,
    .completes = Completes::containers,
};
constinit const Command kRestartCommand = {
    .names = "restart,container restart,compose restart",
    .arguments = "[SERVICE|CONTAINER...]",
    .summary = "Stop containers and start them again",
    .flags = kRestartFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_restart,
    .completes = Completes::containers,
};
constinit const Command kKillCommand = {
    .names = "kill,container kill,compose kill",
    .arguments = "[SERVICE|CONTAINER...]",
    .summary = "Send a signal to running containers",
    .flags = kKillFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_kill,
    .completes = Completes::containers,
};
constinit const Command kWaitCommand = {
    .names = "wait,container wait,compose wait",
    .arguments = "SERVICE|CONTAINER [SERVICE|CONTAINER...]",
    .summary = "Wait until containers have ended, and print their exit codes",
    .flags = kWaitFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_wait,
    .completes = Completes::containers,
};
constinit const Command kPauseCommand = {
    .names = "pause,container pause,compose pause",
    .arguments = "[SERVICE|CONTAINER...]",
    .summary = "Stop all processes of containers for a while",
    .flags = kPauseFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_pause,
    .completes = Completes::containers,
};
constinit const Command kUnpauseCommand = {
    .names = "unpause,container unpause,compose unpause",
    .arguments = "[SERVICE|CONTAINER...]",
    .summary = "Let paused containers go on",
    .flags = kPauseFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_unpause,
    .completes = Completes::containers,
};
constinit const Command kRenameCommand = {
    .names = "rename,container rename",
    .arguments = "CONTAINER NAME",
    .summary = "Give a container another name",
    .flags = {},
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_rename,
    .completes = Completes::containers,
};

}  // namespace sandbox::cli
