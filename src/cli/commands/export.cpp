#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/file_report.hpp"
#include "cli/output_file.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/engine/files.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    kIndexFlag,
    {"-o,--output", FlagKind::value, "FILE", "write there instead of standard output",
     Completes::file},
};

int run(Context& context, const Invocation& in) {
    const std::string path = in.value_or("output", "");
    const std::string name =
        ProjectScope(context, in).container(in.arguments()[0], container_index(in));
    if (!path.empty() && path != "-") {
        image::FileReport report;
        write_to_file(path, 0600, [&](int fd) {
            report = engine::export_container(context.store(), name, fd);
        });
        return say_file_report(report);
    }
    if (context.out.is_terminal()) {
        throw base::UsageError("refusing to write an archive to a terminal",
                               "use -o FILE or a pipe", 1);
    }
    return say_file_report(context.out.stream(
        [&](int fd) { return engine::export_container(context.store(), name, fd); }));
}

}  // namespace

constinit const Command kExportCommand = {
    .names = "export,container export,compose export",
    .arguments = "SERVICE|CONTAINER",
    .summary = "Write a container's file system as a tar",
    .flags = kFlags,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
    .completes = Completes::containers,
};

}  // namespace sandbox::cli
