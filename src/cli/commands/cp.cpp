#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/file_report.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/files.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    {"-a,--archive", FlagKind::toggle, "", "owners go along (podman's word too)"},
    kIndexFlag,
    {"-L,--follow-link", FlagKind::toggle, "", "a link as the source stands for what it points to"},
    {"-q,--quiet", FlagKind::toggle, "", "do not say how much was copied"},
};

int run(Context& context, const Invocation& in) {
    engine::CopyRequest request;
    request.from = engine::parse_copy_end(in.arguments()[0]);
    request.to = engine::parse_copy_end(in.arguments()[1]);
    ProjectScope scope(context, in);
    for (std::optional<std::string>* const end : {&request.from.container, &request.to.container}) {
        if (*end) *end = scope.container(**end, container_index(in));
    }
    request.archive = in.toggle("archive");
    request.follow_link = in.toggle("follow-link");
    if (request.from.is_stream()) {
        if (::isatty(STDIN_FILENO) == 1) {
            throw base::UsageError("cannot read a tar from a terminal", "redirect standard input",
                                   1);
        }
        request.stream_fd = STDIN_FILENO;
    }
    if (request.to.is_stream()) {
        if (context.out.is_terminal()) {
            throw base::UsageError("refusing to write a tar to a terminal",
                                   "redirect standard output", 1);
        }
        return say_file_report(context.out.stream([&](int fd) {
            request.stream_fd = fd;
            return engine::copy_files(context.store(), request);
        }));
    }
    const image::FileReport report = engine::copy_files(context.store(), request);
    const bool shown = !in.toggle("quiet") && context.out.is_terminal();
    if (shown) {
        base::log::notice("copied " + base::format_size(report.bytes) + " to " + in.arguments()[1]);
    }
    return say_file_report(report);
}

}  // namespace

constinit const Command kCpCommand = {
    .names = "cp,container cp,compose cp",
    .arguments = "[CONTAINER:]PATH|- [CONTAINER:]PATH|-",
    .summary = "Copy files out of and into containers",
    .flags = kFlags,
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run,
    .completes = Completes::containers,
};

}  // namespace sandbox::cli
