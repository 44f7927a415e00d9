#include "cli/commands.hpp"
#include "cli/complete.hpp"
#include "cli/context.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

int run(Context& context, const Invocation& in) {
    const std::string script = completion_script(in.arguments()[0]);
    if (script.empty()) {
        throw base::UsageError("unknown shell " + base::quote(in.arguments()[0]),
                               "use bash, zsh or fish");
    }
    context.out.write(script);
    return 0;
}

}  // namespace

constinit const Command kCompletionCommand = {
    .names = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "Print the completion script of a shell",
    .flags = {},
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
    .completes = Completes::words,
    .words = "bash zsh fish",
};

}  // namespace sandbox::cli
