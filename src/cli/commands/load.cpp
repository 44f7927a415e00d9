#include <fcntl.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/image/pull.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    {"-i,--input", FlagKind::value, "FILE", "read it instead of standard input", Completes::file},
    {"--platform", FlagKind::value, "OS/ARCH[/VARIANT]", "image for another platform"},
    {"-q,--quiet", FlagKind::toggle, "", "no progress"},
};

int run(Context& context, const Invocation& in) {
    const std::string path = in.value_or("input", "-");
    base::UniqueFd file;
    int input_fd = STDIN_FILENO;
    if (path != "-" && !path.empty()) {
        file = base::open_at(AT_FDCWD, path, O_RDONLY);
        input_fd = file.get();
    } else if (::isatty(STDIN_FILENO) == 1) {
        throw base::UsageError("cannot read an archive from a terminal",
                               "use -i FILE or redirect standard input", 1);
    }
    const bool quiet = in.toggle("quiet");
    if (quiet) base::log::set_level(base::log::Level::quiet);
    const std::unique_ptr<image::Progress> progress = make_progress(progress_style(quiet));
    image::PullOptions options;
    options.platform = try_platform(in, base::exit_code::kUsage);
    options.progress = progress.get();
    for (const store::ImageRecord& record : image::load(context.store(), input_fd, options)) {
        context.out.line(record.reference ? "Loaded image: " + record.reference->familiar()
                                          : "Loaded image ID: " + record.id.str());
    }
    return 0;
}

}  // namespace

constinit const Command kLoadCommand = {
    .names = "load,image load",
    .arguments = "",
    .summary = "Take images from an archive",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};

}  // namespace sandbox::cli
