#include <fcntl.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/temp_dir.hpp"
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

// Written beside and renamed, so that a save that fails leaves no half archive behind.
void save_to_file(const store::Store& store, const std::vector<std::string>& names,
                  image::ArchiveFormat format, const std::string& path) {
    const size_t slash = path.rfind('/');
    const std::string dir = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        // A device or a pipe is written to, not replaced.
        const base::UniqueFd fd = base::open_at(AT_FDCWD, path, O_WRONLY);
        image::save(store, names, format, fd.get(), {});
        return;
    }
    const base::UniqueFd dir_fd = base::open_dir(dir);
    base::StagedFile file(dir_fd.get(), 0644);
    image::save(store, names, format, file.fd(), {});
    file.commit(dir_fd.get(), name);
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
        save_to_file(context.store(), in.arguments(), format, path);
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
