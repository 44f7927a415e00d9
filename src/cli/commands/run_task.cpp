// `run-task` and `compose run`: one run in the foreground, with what it depends on brought up.
#include <csignal>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/options.hpp"
#include "cli/project_flags.hpp"
#include "cli/project_foreground.hpp"
#include "cli/project_report.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/image_files.hpp"
#include "sandbox/project/one_off.hpp"

namespace sandbox::cli {
namespace {

using project::Project;

constexpr int kEngine = base::exit_code::kEngine;

constexpr Flag kTaskFlags[] = {
    kProfileFileFlag,
    kProjectNameFlag,
    kEnvFilesFlag,
    {"--no-deps", FlagKind::toggle, "", "not what it depends on"},
    {"-q,--quiet", FlagKind::toggle, "", "no report of what it depends on"},
};
constexpr Flag kRunFlags[] = {
    {"--build", FlagKind::toggle, "", "accepted: nothing is ever built"},
    {"--cap-add", FlagKind::list, "CAPABILITY", "one more capability"},
    {"--cap-drop", FlagKind::list, "CAPABILITY", "one capability less"},
    {"-d,--detach", FlagKind::toggle, "", "print its id and return"},
    {"-e,--env", FlagKind::list, "NAME[=VALUE]", "set a variable"},
    {"--env-from-file", FlagKind::list, "FILE", "read variables from a file", Completes::file},
    {"--entrypoint", FlagKind::value, "PROGRAM", "instead of the entrypoint; \"\" resets it"},
    {"-i,--interactive", FlagKind::toggle, "", "pass standard input on"},
    {"-l,--label", FlagKind::list, "NAME=VALUE", "a label of the container"},
    {"--name", FlagKind::value, "NAME", "the container's name"},
    {"--no-deps", FlagKind::toggle, "", "not what it depends on"},
    {"-p,--publish", FlagKind::list, "PORTS", "publish a port"},
    {"--pull", FlagKind::value, "POLICY", "missing, always or never", Completes::words,
     "missing always never"},
    {"-q,--quiet", FlagKind::toggle, "", "no report of what it depends on"},
    {"--quiet-build,--quiet-pull", FlagKind::toggle, "", "accepted: both say little anyway"},
    {"--remove-orphans", FlagKind::toggle, "", "remove containers of services that are gone"},
    {"--rm", FlagKind::toggle, "", "remove the container at its end"},
    {"-P,--service-ports", FlagKind::toggle, "", "publish the service's ports"},
    {"-T,--no-tty,--no-TTY", FlagKind::toggle, "", "give no terminal"},
    {"--use-aliases", FlagKind::toggle, "", "be found by the service's names, too"},
    {"-u,--user", FlagKind::value, "USER[:GROUP]", "run as that user"},
    {"-v,--volume", FlagKind::list, "SOURCE:TARGET", "one more mount"},
    {"-w,--workdir", FlagKind::value, "PATH", "working directory"},
};

// Absent: `code` is what to end with.
std::optional<engine::RunRequest> prepare(Context& context, const Invocation& in,
                                          const Project& project, project::OneOffWish wish,
                                          int& code) {
    wish.service = in.arguments().front();
    wish.command.assign(in.arguments().begin() + 1, in.arguments().end());
    wish.dependencies = !in.toggle("no-deps");
    ProjectReport report(&project, in.toggle("quiet"));
    project::UpWish up;
    up.plan.remove_orphans = in.has_flag("remove-orphans") && in.toggle("remove-orphans");
    up.is_interrupted = [] { return interrupts_so_far() > 0; };
    project::OneOff one_off;
    {
        const InterruptsCaught caught;
        one_off = project::prepare_one_off(context.store(), project, wish, up, report.listener());
    }
    report.tell_failures(one_off.failures);
    if (one_off.interrupted) {
        code = base::exit_code::kSignalBase + SIGINT;
        return std::nullopt;
    }
    if (!one_off.failures.empty()) {
        code = kEngine;
        return std::nullopt;
    }
    return std::move(one_off.request);
}

int run_task(Context& context, const Invocation& in) {
    Project project = load_project(context, in);
    project::take_image_files(context.store(), project);
    const project::Service* service = project.find_service(in.arguments().front());
    if (service != nullptr && !service->is_task) {
        throw base::UsageError(base::quote(service->name) + " is a service, not a task",
                               "`sandbox compose run` runs a service once");
    }
    int code = 0;
    const auto request = prepare(context, in, project, {}, code);
    return request ? engine::run_foreground(context.store(), *request) : code;
}

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
    list.insert(list.end(), more.begin(), more.end());
}

void apply_flags(const Invocation& in, engine::RunRequest& request) {
    append(request.env, in.list("env"));
    append(request.env_files, in.list("env-from-file"));
    append(request.cap_add, in.list("cap-add"));
    append(request.cap_drop, in.list("cap-drop"));
    if (const auto policy = in.try_value("pull")) request.pull = pull_policy(*policy);
    append(request.labels, in.list("label"));
    append(request.publish, in.list("publish"));
    append(request.volumes, in.list("volume"));
    if (auto entrypoint = in.try_value("entrypoint")) {
        request.entrypoint = std::move(entrypoint);
        request.command.assign(in.arguments().begin() + 1, in.arguments().end());
    }
    if (auto name = in.try_value("name")) request.name = std::move(name);
    if (auto user = in.try_value("user")) request.user = std::move(user);
    if (auto dir = in.try_value("workdir")) request.working_dir = std::move(dir);
    request.remove = in.toggle("rm");
    request.interactive = in.toggle("interactive", true);
    if (in.toggle("no-tty")) request.tty = false;
}

int run_service(Context& context, const Invocation& in) {
    Project project = load_project(context, in);
    project::take_image_files(context.store(), project);
    project::OneOffWish wish;
    wish.ports = in.toggle("service-ports");
    wish.aliases = in.toggle("use-aliases");
    wish.counts = false;
    int code = 0;
    auto request = prepare(context, in, project, wish, code);
    if (!request) return code;
    apply_flags(in, *request);
    if (!in.toggle("detach")) return engine::run_foreground(context.store(), *request);
    request->detached = true;
    request->interactive = in.toggle("interactive");
    request->tty = request->tty.value_or(false);
    engine::run_detached(context.store(), *request, [&](const std::string& id) {
        context.out.line(id);
        context.out.flush();
    });
    return 0;
}

}  // namespace

constinit const Command kRunTaskCommand = {
    .names = "run-task",
    .arguments = "TASK [COMMAND [ARG...]]",
    .summary = "Run one of the project's tasks now, whether it has succeeded before or not",
    .flags = kTaskFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_task,
    .completes = Completes::services,
    .stop_at_argument = true,
    .failure_code = kEngine,
};
constinit const Command kComposeRunCommand = {
    .names = "compose run",
    .arguments = "SERVICE [COMMAND [ARG...]]",
    .summary = "Run a service once, in a container of its own",
    .flags = kRunFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_service,
    .completes = Completes::services,
    .stop_at_argument = true,
    .failure_code = kEngine,
};

}  // namespace sandbox::cli
