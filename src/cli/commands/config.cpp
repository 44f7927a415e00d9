#include <algorithm>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output_file.hpp"
#include "cli/project_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/resolved.hpp"
#include "sandbox/project/start_order.hpp"

namespace sandbox::cli {
namespace {

using project::Project;
using project::Service;

constexpr Flag kFlags[] = {
    kProfileFileFlag,
    kProjectNameFlag,
    kEnvFilesFlag,
    {"--profile", FlagKind::list, "GROUP", "an optional group that counts too"},
    {"--format", FlagKind::value, "toml|json", "how the project is written", Completes::words,
     "toml json"},
    {"--services", FlagKind::toggle, "", "names of services and tasks, one a line"},
    {"--images", FlagKind::toggle, "", "images, one a line"},
    {"--volumes", FlagKind::toggle, "", "names of volumes in the store, one a line"},
    {"--networks", FlagKind::toggle, "", "names of networks, one a line"},
    {"--profiles", FlagKind::toggle, "", "names of optional groups, one a line"},
    {"--hash", FlagKind::value, "SERVICE|*", "what changes when a service must be made anew"},
    {"--schema", FlagKind::toggle, "", "the JSON schema of profiles, for editors"},
    {"-o,--output", FlagKind::value, "FILE", "write the project there", Completes::file},
    {"-q,--quiet", FlagKind::toggle, "", "only check"},
};
constexpr RefusedFlag kRefused[] = {
    {"--no-interpolate", "`sandbox init --from FILE` writes a profile with its variables left in"},
    {"--environment,--variables",
     "variables come from the environment and .env, and one that is not set is warned of"},
    {"--no-path-resolution,--no-normalize,--no-env-resolution,--no-consistency",
     "a project is shown as it is understood here"},
    {"--resolve-image-digests,--lock-image-digests", "`sandbox lock` keeps the images' digests"},
};

// Sorted, each once.
void print_lines(Output& out, std::vector<std::string> lines) {
    std::sort(lines.begin(), lines.end());
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    for (const std::string& line : lines) out.line(line);
}

void print_hashes(Output& out, const Project& project, const std::string& wanted) {
    bool found = false;
    for (const Service& service : project.services) {
        if (wanted != "*" && wanted != service.name) continue;
        out.line(service.name + " " + project::service_hash(project, service));
        found = true;
    }
    if (!found) throw base::NotFoundError("no such service: " + base::quote(wanted));
}

// True: a list was asked for and printed.
bool print_list(Output& out, const Invocation& in, const Project& project,
                const std::vector<std::string>& chosen) {
    std::vector<std::string> lines;
    if (in.toggle("services")) {
        lines = chosen;
    } else if (in.toggle("images")) {
        for (const std::string& name : chosen) {
            const std::string& image = project.find_service(name)->request.image;
            if (!image.empty()) lines.push_back(image);
        }
    } else if (in.toggle("volumes")) {
        for (const auto& volume : project.volumes) lines.push_back(project.scoped_name(volume));
    } else if (in.toggle("networks")) {
        lines.push_back(project.name + "_default");
        for (const auto& network : project.networks) {
            if (network.name != "default") lines.push_back(project.scoped_name(network));
        }
    } else if (in.toggle("profiles")) {
        for (const Service& service : project.services) {
            lines.insert(lines.end(), service.profiles.begin(), service.profiles.end());
        }
    } else {
        return false;
    }
    print_lines(out, std::move(lines));
    return true;
}

void write_document(Output& out, const Invocation& in, const std::string& text) {
    const std::string path = in.value_or("output", "");
    if (path.empty() || path == "-") {
        out.write(text);
        return;
    }
    write_to_file(path, 0644, [&](int fd) { base::write_all(fd, text); });
}

int run(Context& context, const Invocation& in) {
    if (in.toggle("schema")) {
        context.out.line(base::json::dump(project::profile_schema(), 2));
        return 0;
    }
    const std::string format = in.value_or("format", "toml");
    if (format != "toml" && format != "json") {
        const bool yaml = format == "yaml" || format == "yml";
        throw base::UsageError(
            "unknown format " + base::quote(format),
            yaml ? "--format json is YAML, too, and a compose file" : "it may be toml or json");
    }
    Project project = load_project(context, in);
    const std::vector<std::string> chosen = project::select_services(
        project, {in.arguments(), chosen_groups(context, in, project), true});
    int status = 0;
    for (const std::string& name : chosen) {
        const auto& refused = project.find_service(name)->refused;
        if (!refused) continue;
        base::log::warning(refused->with_hint());
        status = base::exit_code::kUsage;  // as `up` will answer
    }
    if (const auto wanted = in.try_value("hash")) {
        print_hashes(context.out, project, *wanted);
        return 0;
    }
    if (print_list(context.out, in, project, chosen)) return 0;
    if (in.toggle("quiet")) return status;
    std::erase_if(project.services, [&](const Service& service) {
        return std::find(chosen.begin(), chosen.end(), service.name) == chosen.end();
    });
    write_document(context.out, in,
                   format == "json" ? project::resolved_json(project) + "\n"
                                    : project::resolved_toml(project));
    return status;
}

}  // namespace

constinit const Command kConfigCommand = {
    .names = "config,compose config,compose convert",
    .arguments = "[SERVICE...]",
    .summary = "Check the project's profile and show what it amounts to",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::services,
    .refused = kRefused,
};

}  // namespace sandbox::cli
