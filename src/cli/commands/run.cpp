#include <unistd.h>

#include <memory>

#include "cli/commands.hpp"
#include "cli/commands/run_flags.hpp"
#include "cli/commands/run_request.hpp"
#include "cli/context.hpp"
#include "cli/progress.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/engine/attach.hpp"
#include "sandbox/engine/run.hpp"
#include "sandbox/image/remove.hpp"

namespace sandbox::cli {
namespace {

constexpr int kEngine = base::exit_code::kEngine;

// --rmi: an image that something else uses stays, and that is no failure of the run.
void remove_image_if_unused(const store::Store& store, const std::string& name) {
    try {
        (void)image::remove_images(store, {name}, false);
    } catch (const base::Error& error) {
        base::log::notice("the image stays: " + error.message());
    }
}

// Nothing is found out about a terminal that the container will never see, and it is kept unless
// --rm says otherwise.
void become_detached(engine::RunRequest& request) {
    request.detached = true;
    request.remove = request.remove.value_or(false);
    request.tty = request.tty.value_or(false);
}

// Left by its keys it lives on: so a supervisor of its own cares for it from the beginning, and
// this process only shows it.
int run_leavable(Context& context, const Invocation& in, engine::RunRequest& request) {
    if (!in.list("attach").empty()) {
        throw base::UsageError("conflicting options: --attach and --detach-keys", {}, kEngine);
    }
    if (in.toggle("rmi")) {
        throw base::UsageError("conflicting options: --rmi and --detach-keys", {}, kEngine);
    }
    const bool on_terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    engine::AttachRequest attach;
    attach.detach_keys = in.try_value("detach-keys");
    engine::check_detach_keys(*attach.detach_keys);
    attach.no_stdin = !request.interactive && !(on_terminal && request.tty.value_or(true));
    attach.sig_proxy = request.sig_proxy;
    request.detached = true;
    attach.container = engine::create_container(context.store(), request);
    return engine::start_attached(context.store(), attach);
}

int run(Context& context, const Invocation& in) {
    engine::RunRequest request = make_run_request(in);
    if (request.quiet) base::log::set_level(base::log::Level::quiet);
    const std::unique_ptr<image::Progress> progress = make_progress(progress_style(request.quiet));
    request.progress = progress.get();
    if (in.toggle("detach")) {
        if (!in.list("attach").empty()) {
            throw base::UsageError("conflicting options: --attach and --detach", {}, kEngine);
        }
        if (in.toggle("rmi")) {
            throw base::UsageError("--rmi is for a run in the foreground", {}, kEngine);
        }
        become_detached(request);
        engine::run_detached(context.store(), request, [&](const std::string& id) {
            context.out.line(id);
            context.out.flush();
        });
        return 0;
    }
    if (in.try_value("detach-keys")) return run_leavable(context, in, request);
    const int code = engine::run_foreground(context.store(), request);
    if (in.toggle("rmi")) remove_image_if_unused(context.store(), request.image);
    return code;
}

int run_create(Context& context, const Invocation& in) {
    if (in.try_value("detach-keys")) {
        throw base::UsageError("--detach-keys is for run and for start --attach", {}, kEngine);
    }
    engine::RunRequest request = make_run_request(in);
    if (request.quiet) base::log::set_level(base::log::Level::quiet);
    const std::unique_ptr<image::Progress> progress = make_progress(progress_style(request.quiet));
    request.progress = progress.get();
    become_detached(request);
    context.out.line(engine::create_container(context.store(), request));
    return 0;
}

}  // namespace

constinit const Command kCreateCommand = {
    .names = "create,container create",
    .arguments = "IMAGE [COMMAND [ARG...]]",
    .summary = "Make a container without starting it",
    .flags = kRunFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_create,
    .completes = Completes::images,
    .stop_at_argument = true,
    .failure_code = kEngine,
    .refused = kRefusedRunFlags,
};
constinit const Command kRunCommand = {
    .names = "run,container run",
    .arguments = "IMAGE [COMMAND [ARG...]]",
    .summary = "Run a command in a new container",
    .flags = kRunFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::images,
    .stop_at_argument = true,
    .failure_code = kEngine,
    .refused = kRefusedRunFlags,
};

}  // namespace sandbox::cli
