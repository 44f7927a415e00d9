#include <optional>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/image/pull.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    {"--disable-content-trust", FlagKind::toggle, "",
     "accepted and ignored: digests are always checked"},
    {"--platform", FlagKind::value, "OS/ARCH[/VARIANT]", "image for another platform"},
    {"-q,--quiet", FlagKind::toggle, "", "no progress; only the image's id"},
};
constexpr RefusedFlag kRefused[] = {
    {"-a,--all-tags", "name the tags one by one"},
    {"--tls-verify,--cert-dir", "set insecure, ca, client_cert for the registry in config.toml"},
    {"--creds,--authfile", "use `sandbox login`"},
};

int run(Context& context, const Invocation& in) {
    const bool quiet = in.toggle("quiet");
    if (quiet) base::log::set_level(base::log::Level::quiet);
    const ProgressStyle style = progress_style(quiet);
    image::PullOptions options;
    options.platform = try_platform(in, base::exit_code::kUsage);
    // All names are checked before the first byte is asked for.
    std::vector<oci::ImageSource> sources;
    for (const std::string& name : in.arguments()) {
        sources.push_back(oci::ImageSource::parse(name));
    }
    for (const oci::ImageSource& source : sources) {
        const std::unique_ptr<image::Progress> progress = make_progress(style);
        options.progress = progress.get();
        const store::ImageRecord record = image::pull(context.store(), source, options);
        context.out.line(record.id.str());
        context.out.flush();
    }
    return 0;
}

}  // namespace

constinit const Command kPullCommand = {
    .names = "pull,image pull",
    .arguments = "IMAGE [IMAGE...]",
    .summary = "Fetch images from a registry, a directory or an archive",
    .flags = kFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::images,
    .refused = kRefused,
};

}  // namespace sandbox::cli
