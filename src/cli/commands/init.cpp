#include <fcntl.h>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/compose.hpp"

namespace sandbox::cli {
namespace {

constexpr const char* kProfile = "sandbox.toml";

constexpr Flag kFlags[] = {
    {"--from", FlagKind::value, "FILE", "a compose file that is to become the profile",
     Completes::file},
    {"--force", FlagKind::toggle, "", "over a profile that is there"},
    {"-o,--output", FlagKind::value, "FILE", "another file than sandbox.toml; - for the output",
     Completes::file},
    {"-q,--quiet", FlagKind::toggle, "", "no report"},
};

constexpr const char* kTemplate =
    R"(# A project for sandbox; `sandbox up` brings it up. All keys: sandbox-profile(5).

[services.web]
image = "nginx:latest"
ports = ["8080:80"]                        # on 127.0.0.1 unless an address is given
# volumes = ["./html:/usr/share/nginx/html:ro"]
# environment = { MODE = "${MODE:-development}" }
# depends_on = ["db"]                      # waits until db is ready

# [services.db]
# image = "mariadb:11"
# environment = { MARIADB_ROOT_PASSWORD = "${DB_PASSWORD:?set it in .env}" }
# volumes = ["db_data:/var/lib/mysql"]
# restart = "unless-stopped"
)";

void report(const project::ComposeImport& import) {
    for (const std::string& line : import.changed) base::log::notice(line);
    for (const std::string& line : import.ignored) base::log::notice(line + " (left out)");
    for (const std::string& line : import.refused) base::log::warning(line + " (left out)");
}

int run(Context& context, const Invocation& in) {
    std::string text = kTemplate;
    bool complete = true;
    if (const auto from = in.try_value("from")) {
        const project::ComposeImport import = project::import_compose(*from, *from);
        text = "# Written by `sandbox init --from " + base::escape_control(*from) + "`.\n\n" +
               import.toml;
        complete = import.refused.empty();
        if (!in.toggle("quiet")) report(import);
    }
    const std::string output = in.value_or("output", kProfile);
    if (output == "-") {
        context.out.write(text);
        return complete ? 0 : base::exit_code::kFailure;
    }
    if (!in.toggle("force") && base::exists_at(AT_FDCWD, output)) {
        throw base::Error("file exists: " + base::quote(output), "use --force to write over it",
                          base::exit_code::kFailure);
    }
    const size_t slash = output.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : output.substr(0, slash + 1);
    const base::UniqueFd parent = base::open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
    base::write_file_atomic(parent.get(), output.substr(slash + 1), text, 0644,
                            base::Durability::synced);
    if (!in.toggle("quiet")) base::log::notice("wrote " + output);
    return complete ? 0 : base::exit_code::kFailure;
}

}  // namespace

constinit const Command kInitCommand = {
    .names = "init",
    .arguments = "",
    .summary = "Write a profile, new or from a compose file",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};

}  // namespace sandbox::cli
