#include "sandbox/engine/commit.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/options.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

constexpr const char* kChangeHelp = "an instruction of a Dockerfile: CMD, ENTRYPOINT, ENV, …";

constexpr Flag kCommitFlags[] = {
    {"-a,--author", FlagKind::value, "TEXT", "who made it"},
    {"-c,--change", FlagKind::list, "INSTRUCTION", kChangeHelp},
    {"--format,-f", FlagKind::value, "FORMAT", "of the manifest: docker (the default) or oci",
     Completes::words, "docker oci"},
    {"-m,--message", FlagKind::value, "TEXT", "for the image's history"},
    {"-p,--pause", FlagKind::toggle, "",
     "a running container stands still meanwhile (the default)"},
    {"-q,--quiet", FlagKind::toggle, "", "notices are left out"},
};

constexpr Flag kImportFlags[] = {
    {"-c,--change", FlagKind::list, "INSTRUCTION", kChangeHelp},
    {"-m,--message", FlagKind::value, "TEXT", "for the image's history"},
    {"--platform", FlagKind::value, "OS/ARCH[/VARIANT]", "what it is for; the host's by default"},
    {"-q,--quiet", FlagKind::toggle, "", "notices are left out"},
};

// "NAME[:TAG]"; an image is never named by a digest.
std::optional<oci::Reference> try_name(const Invocation& in) {
    if (in.arguments().size() < 2) return std::nullopt;
    oci::Reference name = oci::Reference::parse(in.arguments()[1]);
    if (name.digest()) {
        throw base::UsageError("cannot tag with a digest: " + base::quote(in.arguments()[1]),
                               "use NAME[:TAG]", 1);
    }
    return name;
}

image::NewImageFormat parse_format(const std::string& word) {
    if (word == "docker") return image::NewImageFormat::docker;
    if (word == "oci") return image::NewImageFormat::oci;
    throw base::UsageError("unknown format " + base::quote(word), "use docker or oci");
}

int run_commit(Context& context, const Invocation& in) {
    if (in.toggle("quiet")) base::log::set_level(base::log::Level::quiet);
    engine::CommitRequest request;
    request.container = in.arguments()[0];
    request.name = try_name(in);
    request.changes = in.list("change");
    request.author = in.value_or("author", "");
    request.message = in.value_or("message", "");
    request.pause = in.toggle("pause", true);
    request.format = parse_format(in.value_or("format", "docker"));
    context.out.line(engine::commit_container(context.store(), request).id.str());
    return 0;
}

int run_import(Context& context, const Invocation& in) {
    if (in.toggle("quiet")) base::log::set_level(base::log::Level::quiet);
    engine::ImportRequest request;
    request.source = in.arguments()[0];
    request.name = try_name(in);
    request.changes = in.list("change");
    request.message = in.value_or("message", "");
    request.platform = try_platform(in, base::exit_code::kUsage);
    base::UniqueFd file;
    if (request.source == "-") {
        if (::isatty(STDIN_FILENO) == 1) {
            throw base::UsageError("cannot read an archive from a terminal",
                                   "name a file or redirect standard input", 1);
        }
        request.tar_fd = STDIN_FILENO;
    } else if (request.source.find("://") != std::string::npos) {
        throw base::UsageError(
            "importing from an address is not supported: " + base::quote(request.source),
            "curl ADDRESS | sandbox import -", 1);
    } else {
        file = base::open_at(AT_FDCWD, request.source, O_RDONLY | O_CLOEXEC);
        request.tar_fd = file.get();
    }
    context.out.line(engine::import_image(context.store(), request).id.str());
    return 0;
}

}  // namespace

constinit const Command kCommitCommand = {
    .names = "commit,container commit",
    .arguments = "CONTAINER [NAME[:TAG]]",
    .summary = "Make an image of what a container has changed",
    .flags = kCommitFlags,
    .min_arguments = 1,
    .max_arguments = 2,
    .run = run_commit,
    .completes = Completes::containers,
};
constinit const Command kImportCommand = {
    .names = "import,image import",
    .arguments = "FILE|- [NAME[:TAG]]",
    .summary = "Make an image of a root file system in a tar",
    .flags = kImportFlags,
    .min_arguments = 1,
    .max_arguments = 2,
    .run = run_import,
    .completes = Completes::file,
};

}  // namespace sandbox::cli
