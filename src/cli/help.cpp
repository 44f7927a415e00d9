#include "cli/help.hpp"

#include <algorithm>
#include <vector>

#include "cli/commands.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

std::string padded(std::string text, size_t width) {
    if (text.size() < width) text.resize(width, ' ');
    return text;
}

// "-e, --env NAME[=VALUE]"; without a short form indented so that long names stand below each
// other.
std::string flag_column(const Flag& flag) {
    std::string text = base::join(base::split(flag.names, ','), ", ");
    if (text.starts_with("--")) text.insert(0, "    ");
    if (*flag.value != '\0') text += std::string(" ") + flag.value;
    return text;
}

// Lines of at most 100 columns, all but the first indented.
std::string wrapped(std::string_view text, size_t indent) {
    constexpr size_t kColumns = 100;
    std::string lines;
    size_t column = indent;
    for (const std::string& word : base::split(text, ' ')) {
        if (column > indent && column + 1 + word.size() > kColumns) {
            lines += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (column > indent) {
            lines += ' ';
            ++column;
        }
        lines += word;
        column += word.size();
    }
    return lines;
}

// A flag that is too long for its column has its text on the next line.
std::string flag_lines(const Command& command) {
    constexpr size_t kWidest = 34;
    std::vector<Flag> flags(command.flags.begin(), command.flags.end());
    const auto takes_h = [](const Flag& flag) {
        return std::string_view(flag.names).starts_with("-h,");
    };
    const bool has_short = std::none_of(flags.begin(), flags.end(), takes_h);
    flags.push_back({has_short ? "-h,--help" : "--help", FlagKind::toggle, "", "show this text"});
    size_t width = 0;
    for (const Flag& flag : flags) {
        width = std::max(width, std::min(kWidest, flag_column(flag).size()));
    }
    std::string text;
    for (const Flag& flag : flags) {
        const std::string column = flag_column(flag);
        text += "  " + padded(column, width + 2);
        if (column.size() > width) text += "\n" + std::string(width + 4, ' ');
        text += wrapped(flag.help, width + 4);
        text += '\n';
    }
    return text;
}

}  // namespace

std::string synopsis(const Command& command) {
    std::string text = "sandbox " + std::string(first_name(command));
    if (!command.flags.empty()) text += " [flags]";
    if (*command.arguments != '\0') text += std::string(" ") + command.arguments;
    return text;
}

std::string see_help(const Command& command) {
    return "see `sandbox " + std::string(first_name(command)) + " --help`";
}

std::string command_help(const Command& command) {
    std::string text = "Usage: " + synopsis(command) + "\n\n" + command.summary + ".\n";
    const std::vector<std::string> names = base::split(command.names, ',');
    if (names.size() > 1) {
        text +=
            "\nAlso: sandbox " + base::join({names.begin() + 1, names.end()}, ", sandbox ") + "\n";
    }
    return text + "\nFlags:\n" + flag_lines(command);
}

std::string group_help(std::string_view group) {
    std::string text = "Usage: sandbox " + std::string(group) + " COMMAND\n\n";
    for (const std::string& word : words_after(group)) {
        const Command* command = find_command(std::string(group) + " " + word);
        // "list" and "remove" are other words for "ls" and "rm".
        if (word == "list" || word == "remove") continue;
        text += "  " + padded(word, 10) + command->summary + "\n";
    }
    return text;
}

std::string overview_help() {
    std::string text =
        "Usage: sandbox COMMAND [flags] [arguments]\n\n"
        "Pulls container images and runs them, without root and without a daemon.\n";
    for (const CommandGroup& group : command_groups()) {
        text += std::string("\n") + group.title + ":\n";
        for (const Command* command : group.commands) {
            text += "  " + padded(std::string(first_name(*command)), 20) + command->summary + "\n";
        }
    }
    text +=
        "\nGlobal flags:\n"
        "  -v, --version  show the version\n"
        "  -D, --debug    say on standard error what is done\n"
        "      --help     show this text, or with a command that command's flags\n\n"
        "sandbox COMMAND --help shows a command's flags; man sandbox has the whole.\n";
    return text;
}

}  // namespace sandbox::cli
