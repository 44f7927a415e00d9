#include "sandbox/engine/exec.hpp"

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    {"-d,--detach", FlagKind::toggle, "", "do not wait for its end; its output is lost"},
    {"-e,--env", FlagKind::list, "NAME[=VALUE]",
     "set a variable; NAME alone takes the caller's value"},
    {"--env-file", FlagKind::list, "FILE", "read variables from a file", Completes::file},
    {"-i,--interactive", FlagKind::toggle, "", "pass standard input on"},
    kIndexFlag,
    {"-T,--no-tty,--no-TTY", FlagKind::toggle, "", "give no terminal"},
    {"--privileged", FlagKind::toggle, "", "all capabilities, no seccomp"},
    {"-t,--tty", FlagKind::toggle, "", "give a terminal (found out by itself)"},
    {"-u,--user", FlagKind::value, "USER[:GROUP]",
     "run as that user of the container, by name or number"},
    {"-w,--workdir", FlagKind::value, "PATH", "working directory; it must exist"},
    kScopeFileFlag,
    kScopeNameFlag,
};
constexpr RefusedFlag kRefused[] = {
    {"--detach-keys", "a program ends with its caller's terminal; -d starts one that stays"},
    {"-l,--latest", "name the container"},
    {"--preserve-fds", "descriptors are passed on by run only"},
};

int run_exec(Context& context, const Invocation& in) {
    engine::ExecRequest request;
    request.container = ProjectScope(context, in).container(in.arguments()[0], container_index(in));
    request.command.assign(in.arguments().begin() + 1, in.arguments().end());
    request.env = in.list("env");
    request.env_files = in.list("env-file");
    request.user = in.try_value("user");
    request.working_dir = in.try_value("workdir");
    // Behind `compose` -i is taken for granted, as there.
    request.interactive = in.toggle("interactive", context.project.compose);
    request.tty = in.try_toggle("tty");
    if (in.toggle("no-tty")) request.tty = false;
    request.detach = in.toggle("detach");
    request.privileged = in.toggle("privileged");
    return engine::exec_in_container(context.store(), request);
}

}  // namespace

constinit const Command kExecCommand = {
    .names = "exec,container exec,compose exec",
    .arguments = "SERVICE|CONTAINER COMMAND [ARG...]",
    .summary = "Run a command in a container that runs",
    .flags = kFlags,
    .min_arguments = 2,
    .max_arguments = -1,
    .run = run_exec,
    .completes = Completes::containers,
    .stop_at_argument = true,
    .failure_code = base::exit_code::kEngine,
    .refused = kRefused,
};

}  // namespace sandbox::cli
