#include <fcntl.h>
#include <sys/stat.h>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/file_report.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/temp_dir.hpp"
#include "sandbox/engine/files.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    kIndexFlag,
    {"-o,--output", FlagKind::value, "FILE", "write there instead of standard output",
     Completes::file},
};

// Written beside and renamed, so that an export that fails leaves no half archive behind.
image::FileReport export_to_file(const store::Store& store, const std::string& name,
                                 const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        // A device or a pipe is written to, not replaced.
        const base::UniqueFd fd = base::open_at(AT_FDCWD, path, O_WRONLY);
        return engine::export_container(store, name, fd.get());
    }
    const size_t slash = path.rfind('/');
    const base::UniqueFd dir =
        base::open_dir(slash == std::string::npos ? "." : path.substr(0, slash + 1));
    base::StagedFile file(dir.get(), 0600);
    image::FileReport report = engine::export_container(store, name, file.fd());
    file.commit(dir.get(), slash == std::string::npos ? path : path.substr(slash + 1));
    return report;
}

int run(Context& context, const Invocation& in) {
    const std::string path = in.value_or("output", "");
    const std::string name =
        ProjectScope(context, in).container(in.arguments()[0], container_index(in));
    if (!path.empty() && path != "-") {
        return say_file_report(export_to_file(context.store(), name, path));
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
