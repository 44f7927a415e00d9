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

}  // namespace

constinit const Command kTopCommand = {
    .names = "top,container top,compose top",
    .arguments = "SERVICE|CONTAINER [PS-OPTION...]",
    .summary = "List the processes of a container",
    .flags = {},
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_top,
    .completes = Completes::containers,
    .stop_at_argument = true,
};

}  // namespace sandbox::cli
