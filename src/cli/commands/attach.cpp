#include "sandbox/engine/attach.hpp"

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/project_scope.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    {"--detach-keys", FlagKind::value, "KEYS",
     "keys that leave the container running (default ctrl-p,ctrl-q)"},
    kIndexFlag,
    {"--no-stdin", FlagKind::toggle, "", "do not pass standard input on"},
    {"--sig-proxy", FlagKind::toggle, "", "forward signals to the container (the default)"},
};
constexpr RefusedFlag kRefused[] = {
    {"-l,--latest", "name the container"},
};

int run_attach(Context& context, const Invocation& in) {
    engine::AttachRequest request;
    request.container = ProjectScope(context, in).container(in.arguments()[0], container_index(in));
    request.no_stdin = in.toggle("no-stdin");
    request.sig_proxy = in.toggle("sig-proxy", true);
    request.detach_keys = in.try_value("detach-keys");
    return engine::attach_container(context.store(), request);
}

}  // namespace

constinit const Command kAttachCommand = {
    .names = "attach,container attach,compose attach",
    .arguments = "SERVICE|CONTAINER",
    .summary = "Take over the streams of a detached container",
    .flags = kFlags,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_attach,
    .completes = Completes::containers,
    .refused = kRefused,
};

}  // namespace sandbox::cli
