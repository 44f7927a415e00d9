#include "sandbox/engine/top.hpp"

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

void print(Output& out, const engine::ProcessTable& table) {
    std::vector<std::vector<std::string>> lines{table.titles};
    lines.insert(lines.end(), table.rows.begin(), table.rows.end());
    std::vector<size_t> widths(table.titles.size(), 0);
    for (auto& line : lines) {
        for (size_t i = 0; i < line.size(); ++i) {
            line[i] = base::escape_control(line[i]);
            if (i < widths.size()) widths[i] = std::max(widths[i], line[i].size());
        }
    }
    for (const auto& line : lines) {
        std::string text;
        for (size_t i = 0; i < line.size(); ++i) {
            text += line[i];
            if (i + 1 < line.size()) text.append(widths[i] - line[i].size() + 3, ' ');
        }
        out.line(text);
    }
}

int run_top(Context& context, const Invocation& in) {
    const std::vector<std::string> options(in.arguments().begin() + 1, in.arguments().end());
    const std::string name = ProjectScope(context, in).container(in.arguments()[0]);
    print(context.out, engine::list_processes(context.store(), name, options));
    return 0;
}

// Words up to the first option are services; none: all of the project's, each below its name.
int run_compose_top(Context& context, const Invocation& in) {
    const std::vector<std::string>& words = in.arguments();
    const auto first_option = std::find_if(words.begin(), words.end(),
                                           [](const auto& word) { return word.starts_with("-"); });
    const std::vector<std::string> options(first_option, words.end());
    ProjectScope scope(context, in);
    const std::vector<std::string> services = scope.sort({words.begin(), first_option}).services;
    (void)scope.try_project();  // a mistake in the profile is to be heard
    bool is_first = true;
    for (const project::Deployed& each : scope.deployed()) {
        const bool wanted =
            each.number != 0 && (services.empty() || std::find(services.begin(), services.end(),
                                                               each.service) != services.end());
        if (!wanted || (each.state != "running" && each.state != "paused")) continue;
        if (!is_first) context.out.line("");
        is_first = false;
        context.out.line(each.name);
        print(context.out, engine::list_processes(context.store(), each.id, options));
    }
    return 0;
}

}  // namespace

constinit const Command kTopCommand = {
    .names = "top,container top",
    .arguments = "SERVICE|CONTAINER [PS-OPTION...]",
    .summary = "List the processes of a container",
    .flags = {},
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_top,
    .completes = Completes::containers,
    .stop_at_argument = true,
};
constinit const Command kComposeTopCommand = {
    .names = "compose top",
    .arguments = "[SERVICE...] [PS-OPTION...]",
    .summary = "List the processes of the project's services",
    .flags = {},
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_compose_top,
    .completes = Completes::services,
    .stop_at_argument = true,
};

}  // namespace sandbox::cli
