// The only user of CLI11. It sees one verb's flags: those of the others are never built.
#include "cli/app.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "cli/help.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

using base::UsageError;

// CLI11 reads "--x=" as "--x" and takes the next word for its value. No word of a command line can
// contain NUL, so this stands for the empty value until the results are read.
const std::string kEmptyValue(1, '\0');

bool names_flag(const char* names, std::string_view name) {
    const std::vector<std::string> all = base::split(names, ',');
    return std::find(all.begin(), all.end(), name) != all.end();
}

const Flag* try_find_flag(const Command& command, std::string_view name) {
    for (const Flag& flag : command.flags) {
        if (names_flag(flag.names, name)) return &flag;
    }
    return nullptr;
}

// "--entrypoint=" and "-e=A=1" in words that CLI11 reads as pflag does. Word for word, so that the
// words behind the flags can be taken from the original.
std::string adapt_word(const Command& command, const std::string& word) {
    if (word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1) {
        return word + kEmptyValue;
    }
    if (word.size() > 2 && word[0] == '-' && word[1] != '-' && word[2] == '=') {
        const Flag* flag = try_find_flag(command, word.substr(0, 2));
        if (flag != nullptr) {
            const std::string value = word.substr(3);
            return "--" + std::string(key_of(*flag)) + "=" + (value.empty() ? kEmptyValue : value);
        }
    }
    return word;
}

std::string flag_part(const std::string& word) {
    return word.substr(0, word.find('='));
}

[[noreturn]] void refuse_flag(const Command& command, const std::string& word) {
    const std::string name = flag_part(word);
    for (const RefusedFlag& refused : command.refused) {
        const bool in_cluster =
            name.size() > 2 && name[1] != '-' && names_flag(refused.names, "-" + name.substr(1, 1));
        if (names_flag(refused.names, name) || in_cluster) {
            throw UsageError(name + " is not available: " + refused.why, {},
                             command.failure_code == 125 ? 125 : 2);
        }
    }
    if (!name.starts_with("--")) {
        throw UsageError("unknown shorthand flag: '" + name.substr(1, 1) + "' in " + name,
                         see_help(command));
    }
    std::vector<std::string> known{"--help"};
    for (const Flag& flag : command.flags) {
        for (const std::string& each : base::split(flag.names, ',')) {
            if (each.starts_with("--")) known.push_back(each);
        }
    }
    const std::optional<std::string> nearest = base::try_nearest(name, known);
    throw UsageError("unknown flag: " + name,
                     nearest ? "did you mean " + *nearest + "?" : see_help(command));
}

// What CLI11 left over → arguments; a word that looks like a flag is an unknown flag.
std::vector<std::string> take_arguments(const Command& command, const CLI::App& app,
                                        const std::vector<std::string>& words) {
    std::vector<std::string> rest = app.remaining();
    if (command.stop_at_argument) {
        if (!rest.empty() && rest[0] == "--") {
            rest.erase(rest.begin());
        } else if (!rest.empty() && rest[0].size() > 1 && rest[0][0] == '-') {
            refuse_flag(command, rest[0]);
        }
        return {words.end() - static_cast<std::ptrdiff_t>(rest.size()), words.end()};
    }
    std::vector<std::string> arguments;
    bool flags_end = false;
    for (const std::string& word : rest) {
        if (!flags_end && word == "--") {
            flags_end = true;
            continue;
        }
        if (!flags_end && word.size() > 1 && word[0] == '-') refuse_flag(command, word);
        arguments.push_back(word);
    }
    return arguments;
}

std::string count_text(size_t count) {
    return std::to_string(count) + (count == 1 ? " argument" : " arguments");
}

void check_argument_count(const Command& command, size_t count) {
    const auto least = static_cast<size_t>(command.min_arguments);
    const auto most = static_cast<size_t>(command.max_arguments);
    const std::string name = "\"sandbox " + std::string(first_name(command)) + "\"";
    if (count < least) {
        const bool exact = command.max_arguments == command.min_arguments;
        throw UsageError(
            name + " requires " + (exact ? "exactly " : "at least ") + count_text(least),
            "usage: " + synopsis(command));
    }
    if (command.max_arguments >= 0 && count > most) {
        throw UsageError(
            name + " accepts " + (most == 0 ? "no arguments" : "at most " + count_text(most)),
            "usage: " + synopsis(command));
    }
}

// Could this flag be meant by one of the words? Only those are built: run has sixty flags, and a
// command line names three of them.
bool is_mentioned(const char* names, const std::vector<std::string_view>& dashed) {
    std::string_view rest = names;
    while (!rest.empty()) {
        const size_t comma = rest.find(',');
        const std::string_view name = rest.substr(0, comma);
        rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
        for (const std::string_view word : dashed) {
            const bool is_long = name.starts_with("--");
            if (is_long ? word.starts_with(name)
                        : word[1] != '-' && word.find(name[1]) != std::string_view::npos) {
                return true;
            }
        }
    }
    return false;
}

CLI::Option* add_flag(CLI::App& app, const Flag& flag) {
    if (flag.kind == FlagKind::toggle) return app.add_flag(flag.names);
    CLI::Option* option = app.add_option(flag.names);
    option->expected(1)->allow_extra_args(false);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    return option;
}

}  // namespace

Invocation parse_flags(const Command& command, const std::vector<std::string>& words) {
    CLI::App app;
    app.set_help_flag("");
    app.allow_extras(!command.stop_at_argument);
    app.prefix_command(command.stop_at_argument);
    std::vector<std::string> reversed;
    for (auto word = words.rbegin(); word != words.rend(); ++word) {
        reversed.push_back(adapt_word(command, *word));
    }
    std::vector<std::string_view> dashed;
    for (const std::string& word : reversed) {
        if (word.size() > 1 && word[0] == '-') dashed.push_back(word);
    }
    std::vector<CLI::Option*> options;  // as the table's flags; null: not mentioned
    for (const Flag& flag : command.flags) {
        options.push_back(is_mentioned(flag.names, dashed) ? add_flag(app, flag) : nullptr);
    }
    const bool short_help = try_find_flag(command, "-h") == nullptr;
    const CLI::Option* help = app.add_flag(short_help ? "-h,--help" : "--help");

    try {
        app.parse(std::move(reversed));
    } catch (const CLI::ArgumentMismatch& mismatch) {
        throw UsageError("flag needs an argument: " + flag_part(words.back()), see_help(command));
    } catch (const CLI::ParseError& error) {
        throw UsageError(error.what(), see_help(command));
    }
    if (help->count() > 0) throw HelpWanted{};
    Invocation invocation(command);
    for (size_t i = 0; i < options.size(); ++i) {
        if (options[i] == nullptr) continue;
        std::vector<std::string> values = options[i]->results();
        for (std::string& value : values) {
            if (value == kEmptyValue) value.clear();
        }
        invocation.set(i, std::move(values));
    }
    std::vector<std::string> arguments = take_arguments(command, app, words);
    check_argument_count(command, arguments.size());
    invocation.set_arguments(std::move(arguments));
    return invocation;
}

}  // namespace sandbox::cli
