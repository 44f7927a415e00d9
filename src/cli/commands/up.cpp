#include <algorithm>
#include <csignal>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/project_flags.hpp"
#include "cli/project_foreground.hpp"
#include "cli/project_report.hpp"
#include "cli/project_watch.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/image_files.hpp"
#include "sandbox/project/image_lock.hpp"
#include "sandbox/project/start_order.hpp"

namespace sandbox::cli {
namespace {

using project::Project;

constexpr int kFailure = base::exit_code::kFailure;

constexpr Flag kQuietPullFlag = {"--quiet-pull,--quiet-build", FlagKind::toggle, "",
                                 "accepted: a pull says no more than two lines"};
constexpr Flag kBuildFlag = {"--build,--no-build", FlagKind::toggle, "",
                             "accepted: nothing is ever built"};
constexpr Flag kYesFlag = {"-y,--yes", FlagKind::toggle, "", "accepted: nothing is asked"};

constexpr Flag kFlags[] = {
    kProfileFileFlag,
    kProjectNameFlag,
    kEnvFilesFlag,
    {"--profile", FlagKind::list, "GROUP", "an optional group that is started too"},
    {"-d,--detach", FlagKind::toggle, "", "return when all is ready, instead of showing the logs"},
    {"--wait", FlagKind::toggle, "", "--detach, and what is not ready is a failure"},
    {"--no-wait", FlagKind::toggle, "", "with --detach: return when all is started"},
    {"--wait-timeout", FlagKind::value, "SECONDS",
     "how long one without a check of its own may take (default 120); then it is a failure"},
    {"-t,--timeout", FlagKind::value, "SECONDS", "how long a service may take to stop"},
    {"--no-deps", FlagKind::toggle, "", "not what the named services depend on"},
    {"--no-start", FlagKind::toggle, "", "only make what is missing"},
    {"--force-recreate", FlagKind::toggle, "", "make all containers anew"},
    {"--no-recreate", FlagKind::toggle, "", "keep containers that have changed"},
    {"-V,--renew-anon-volumes", FlagKind::toggle, "",
     "volumes without a name begin anew with their containers"},
    {"--remove-orphans", FlagKind::toggle, "", "remove containers of services that are gone"},
    {"--scale", FlagKind::list, "SERVICE=N", "so many containers of a service"},
    {"--pull", FlagKind::value, "POLICY", "missing, always or never", Completes::words,
     "missing always never"},
    kQuietPullFlag,
    kBuildFlag,
    kYesFlag,
    {"--menu", FlagKind::toggle, "", "accepted: there is none"},
    {"--abort-on-exit,--abort-on-container-exit", FlagKind::toggle, "",
     "stop all when one of them ends"},
    {"--abort-on-failure,--abort-on-container-failure", FlagKind::toggle, "",
     "stop all when one of them ends with another code than 0"},
    {"--exit-code-from", FlagKind::value, "SERVICE", "stop all when it ends; its code is ours"},
    {"--attach", FlagKind::list, "SERVICE", "show the logs of these alone"},
    {"--no-attach", FlagKind::list, "SERVICE", "do not show the logs of these"},
    {"--timestamps", FlagKind::toggle, "", "with the time of each line"},
    {"--no-log-prefix", FlagKind::toggle, "", "no names in front of the lines"},
    {"--no-color", FlagKind::toggle, "", "no colours"},
    {"-w,--watch", FlagKind::toggle, "", "do what services say when their files change"},
    {"--plan", FlagKind::toggle, "", "only say what would be done"},
    {"-q,--quiet", FlagKind::toggle, "", "no report, only failures"},
};

constexpr Flag kCreateFlags[] = {
    kBuildFlag,
    {"--force-recreate", FlagKind::toggle, "", "make all containers anew"},
    {"--no-recreate", FlagKind::toggle, "", "keep containers that have changed"},
    {"--pull", FlagKind::value, "POLICY", "missing, always or never", Completes::words,
     "missing always never"},
    kQuietPullFlag,
    {"--remove-orphans", FlagKind::toggle, "", "remove containers of services that are gone"},
    {"--scale", FlagKind::list, "SERVICE=N", "so many containers of a service"},
    kYesFlag,
    {"-q,--quiet", FlagKind::toggle, "", "no report, only failures"},
};

constexpr Flag kWatchFlags[] = {
    {"--no-up", FlagKind::toggle, "", "watch for what runs already, and start nothing"},
    {"--prune", FlagKind::toggle, "", "accepted: no image is built, and so none is left over"},
    {"-q,--quiet", FlagKind::toggle, "", "no report, only failures"},
};

constexpr Flag kScaleFlags[] = {
    {"--no-deps", FlagKind::toggle, "", "not what the services depend on"},
    {"-q,--quiet", FlagKind::toggle, "", "no report, only failures"},
};

std::uint64_t number_of(const Invocation& in, const char* key, std::uint64_t fallback) {
    const std::optional<std::string> text = in.try_value(key);
    if (!text) return fallback;
    const auto number = base::try_parse_u64(*text);
    if (!number) {
        throw base::UsageError("invalid number " + base::quote(*text) + " for --" + key);
    }
    return *number;
}

// "SERVICE=N" each.
void read_scale(const std::vector<std::string>& words, const Project& project,
                project::PlanOptions& options) {
    for (const std::string& text : words) {
        const size_t equals = text.find('=');
        const std::string name = text.substr(0, equals);
        const auto count = equals == std::string::npos
                               ? std::nullopt
                               : base::try_parse_u64(text.substr(equals + 1));
        if (!count || *count > 1000) {
            throw base::UsageError("invalid number of containers: " + base::quote(text),
                                   "write SERVICE=NUMBER");
        }
        const project::Service* service = project.find_service(name);
        if (service == nullptr) throw base::UsageError("no such service: " + base::quote(name));
        if (*count > 1 && !service->container_name.empty()) {
            throw base::UsageError(base::quote(name) +
                                   " has a container_name and cannot be scaled");
        }
        options.scale[name] = static_cast<std::uint32_t>(*count);
    }
}

// What only some of these verbs have.
bool said(const Invocation& in, std::string_view key) {
    return in.has_flag(key) && in.toggle(key);
}

void read_pull(const Invocation& in, project::UpWish& wish) {
    const auto policy = in.try_value("pull");
    if (!policy) return;
    if (*policy != "missing" && *policy != "always" && *policy != "never") {
        throw base::UsageError("invalid value " + base::quote(*policy) + " for --pull",
                               "it may be missing, always or never");
    }
    wish.pull = *policy == "always"  ? image::PullPolicy::always
                : *policy == "never" ? image::PullPolicy::never
                                     : image::PullPolicy::missing;
}

project::UpWish make_wish(const Context& context, const Invocation& in, const Project& project) {
    project::UpWish wish;
    wish.plan.names = project::select_services(
        project, {in.arguments(), chosen_groups(context, in, project), !said(in, "no-deps")});
    wish.plan.force_recreate = in.toggle("force-recreate");
    wish.plan.no_recreate = in.toggle("no-recreate");
    wish.plan.remove_orphans = in.toggle("remove-orphans");
    read_scale(in.list("scale"), project, wish.plan);
    read_pull(in, wish);
    wish.is_interrupted = [] { return interrupts_so_far() > 0; };
    return wish;
}

void read_waits(const Invocation& in, project::UpWish& wish) {
    wish.wait = !in.toggle("no-wait");
    wish.strict = in.toggle("wait") || in.try_value("wait-timeout").has_value();
    wish.start = !in.toggle("no-start");
    wish.renew_volumes = in.toggle("renew-anon-volumes");
    wish.patience = std::chrono::seconds(number_of(in, "wait-timeout", 120));
}

int print_plan(Context& context, const Project& project, const project::PlanOptions& options) {
    constexpr const char* kWords[] = {"keep", "start", "create", "recreate", "remove", "restart"};
    for (const project::Action& action : project::plan_up(context.store(), project, options)) {
        context.out.line(std::string(kWords[static_cast<int>(action.kind)]) + " " +
                         action.container +
                         (action.reason.empty() ? "" : " (" + action.reason + ")"));
    }
    return 0;
}

void check_services(const Invocation& in, const Project& project,
                    const std::vector<std::string>& chosen) {
    std::vector<std::string> named = in.list("attach");
    for (const std::string& name : in.list("no-attach")) named.push_back(name);
    const auto from = in.try_value("exit-code-from");
    if (from) named.push_back(*from);
    for (const std::string& name : named) {
        if (project.find_service(name) == nullptr) {
            throw base::UsageError("no such service: " + base::quote(name));
        }
    }
    if (from && std::find(chosen.begin(), chosen.end(), *from) == chosen.end()) {
        throw base::UsageError("--exit-code-from names " + base::quote(*from) +
                                   ", which is not among the services that are started",
                               "name it, too: sandbox up … " + *from);
    }
}

ForegroundWish make_foreground_wish(const Invocation& in, const project::UpWish& wish) {
    ForegroundWish foreground;
    foreground.names = wish.plan.names;
    foreground.exit_code_from = in.value_or("exit-code-from", "");
    foreground.abort_on_exit = in.toggle("abort-on-exit");
    foreground.abort_on_failure = in.toggle("abort-on-failure");
    foreground.attach = in.list("attach");
    foreground.no_attach = in.list("no-attach");
    foreground.timestamps = in.toggle("timestamps");
    foreground.prefix = !in.toggle("no-log-prefix");
    foreground.color = !in.toggle("no-color");
    if (in.try_value("timeout")) {
        foreground.timeout_seconds = static_cast<std::int64_t>(number_of(in, "timeout", 0));
    }
    return foreground;
}

int run(Context& context, const Invocation& in) {
    Project project = load_project(context, in);
    project::UpWish wish = make_wish(context, in, project);
    read_waits(in, wish);
    if (in.toggle("plan")) return print_plan(context, project, wish.plan);
    check_services(in, project, wish.plan.names);
    project::take_image_files(context.store(), project);
    if (!project.image_lock.empty() && !in.toggle("quiet")) {
        for (const std::string& image : project::unlocked_images(project)) {
            base::log::notice(image + " is not in the project's lock: `sandbox lock` adds it");
        }
    }
    const bool detach = in.toggle("detach") || in.toggle("wait") || !wish.start;
    if (!detach) wish.wait = false;
    if (detach && in.toggle("watch")) {
        throw base::UsageError("--watch and --detach exclude each other",
                               "`sandbox up --watch` stays while it watches");
    }
    catch_interrupts();
    ProjectReport report(&project, in.toggle("quiet"));
    std::optional<ProjectWatch> watch;
    if (in.toggle("watch")) watch.emplace(context, project, wish.plan.names, report);
    const base::Timestamp begin = base::now();
    project::UpResult result = project::bring_up(context.store(), project, wish, report.listener());
    report.tell_failures(result.failures);
    std::erase_if(result.deployed, [&](const project::Deployed& each) {
        const auto& names = wish.plan.names;
        return std::find(names.begin(), names.end(), each.service) == names.end();
    });
    ForegroundWish foreground = make_foreground_wish(in, wish);
    foreground.since = begin;
    if (watch) foreground.watch = &*watch;
    if (result.interrupted) {
        if (!detach) stop_in_foreground(context, project, result.deployed, foreground, report);
        return base::exit_code::kSignalBase + SIGINT;
    }
    if (detach || !result.failures.empty()) return result.failures.empty() ? 0 : kFailure;
    return stay_in_foreground(context, project, result.deployed, foreground, report);
}

// Answers the exit code.
int tell_outcome(ProjectReport& report, const project::UpResult& result) {
    report.tell_failures(result.failures);
    if (result.interrupted) return base::exit_code::kSignalBase + SIGINT;
    return result.failures.empty() ? 0 : kFailure;
}

int bring_up_behind(Context& context, const Invocation& in, Project& project,
                    const project::UpWish& wish) {
    project::take_image_files(context.store(), project);
    catch_interrupts();
    ProjectReport report(&project, in.toggle("quiet"));
    return tell_outcome(report,
                        project::bring_up(context.store(), project, wish, report.listener()));
}

// `up --no-start` by compose's word.
int run_create(Context& context, const Invocation& in) {
    Project project = load_project(context, in);
    project::UpWish wish = make_wish(context, in, project);
    wish.start = false;
    return bring_up_behind(context, in, project, wish);
}

// `up --watch` without the logs; what runs goes on behind it.
int run_watch(Context& context, const Invocation& in) {
    Project project = load_project(context, in);
    const std::vector<std::string> names = project::select_services(
        project, {in.arguments(), chosen_groups(context, in, project), true});
    project::take_image_files(context.store(), project);
    catch_interrupts();
    ProjectReport report(&project, in.toggle("quiet"));
    ProjectWatch watch(context, project, names, report);
    if (!in.toggle("no-up")) {
        project::UpWish wish;
        wish.plan.names = names;
        wish.wait = false;
        wish.is_interrupted = [] { return interrupts_so_far() > 0; };
        const project::UpResult result =
            project::bring_up(context.store(), project, wish, report.listener());
        if (const int code = tell_outcome(report, result); code != 0) return code;
    }
    constexpr int kPauseMs = 100;
    while (interrupts_so_far() == 0) {
        watch.step();
        watch.wait(kPauseMs);
    }
    watch.end();
    return base::exit_code::kSignalBase + SIGINT;
}

int run_scale(Context& context, const Invocation& in) {
    Project project = load_project(context, in);
    project::UpWish wish;
    read_scale(in.arguments(), project, wish.plan);
    std::vector<std::string> services;
    for (const auto& [name, count] : wish.plan.scale) services.push_back(name);
    wish.plan.names = project::select_services(
        project, {services, chosen_groups(context, in, project), !in.toggle("no-deps")});
    wish.is_interrupted = [] { return interrupts_so_far() > 0; };
    return bring_up_behind(context, in, project, wish);
}

}  // namespace

constinit const Command kComposeCreateCommand = {
    .names = "compose create",
    .arguments = "[SERVICE...]",
    .summary = "Make the project's containers without starting them",
    .flags = kCreateFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_create,
    .completes = Completes::services,
};
constinit const Command kComposeWatchCommand = {
    .names = "compose watch",
    .arguments = "[SERVICE...]",
    .summary = "Bring the project up and do what services say when their files change",
    .flags = kWatchFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_watch,
    .completes = Completes::services,
};
constinit const Command kComposeScaleCommand = {
    .names = "compose scale",
    .arguments = "SERVICE=N [SERVICE=N...]",
    .summary = "Run so many containers of each service",
    .flags = kScaleFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_scale,
    .completes = Completes::services,
};
constinit const Command kUpCommand = {
    .names = "up,compose up",
    .arguments = "[SERVICE...]",
    .summary = "Bring the project up: make, start and wait for its services, in order",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::services,
};

}  // namespace sandbox::cli
