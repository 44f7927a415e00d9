#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output_file.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/pull.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    {"-o,--output", FlagKind::value, "FILE", "write there instead of standard output",
     Completes::file},
    {"--format", FlagKind::value, "FORMAT",
     "docker-archive (the default), oci-archive, oci-dir or docker-dir", Completes::words,
     "docker-archive oci-archive oci-dir docker-dir"},
    {"-m,--multi-image-archive", FlagKind::toggle, "",
     "accepted: several images always go into one archive"},
    {"-q,--quiet", FlagKind::toggle, "", "accepted: nothing is said in any case"},
};

image::ArchiveFormat parse_format(const std::string& word) {
    if (word == "docker-archive") return image::ArchiveFormat::docker_archive;
    if (word == "oci-archive") return image::ArchiveFormat::oci_archive;
    if (word == "oci-dir") return image::ArchiveFormat::oci_dir;
    if (word == "docker-dir") return image::ArchiveFormat::docker_dir;
    throw base::UsageError("unknown format " + base::quote(word),
                           "use docker-archive, oci-archive, oci-dir or docker-dir");
}

int run(Context& context, const Invocation& in) {
    const image::ArchiveFormat format = parse_format(in.value_or("format", "docker-archive"));
    const std::string path = in.value_or("output", "");
    const bool is_dir =
        format == image::ArchiveFormat::oci_dir || format == image::ArchiveFormat::docker_dir;
    if (is_dir) {
        if (path.empty()) throw base::UsageError("a directory needs a name", "use -o DIR");
        image::save(context.store(), in.arguments(), format, -1, path);
    } else if (!path.empty() && path != "-") {
        write_to_file(path, 0644, [&](int fd) {
            image::save(context.store(), in.arguments(), format, fd, {});
        });
    } else {
        if (context.out.is_terminal()) {
            throw base::UsageError("refusing to write an archive to a terminal",
                                   "use -o FILE or a pipe", 1);
        }
        context.out.stream(
            [&](int fd) { image::save(context.store(), in.arguments(), format, fd, {}); });
    }
    return 0;
}

}  // namespace

constinit const Command kSaveCommand = {
    .names = "save,image save",
    .arguments = "IMAGE [IMAGE...]",
    .summary = "Write images into an archive",
    .flags = kFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::images,
};

}  // namespace sandbox::cli
