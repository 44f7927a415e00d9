// From argv to the verb and its exit code: the one outer try/catch.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <optional>
#include <span>

#include "cli/app.hpp"
#include "cli/commands.hpp"
#include "cli/complete.hpp"
#include "cli/context.hpp"
#include "cli/failures.hpp"
#include "cli/help.hpp"
#include "cli/project_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/net/holder.hpp"
#include "sandbox/project/dependents.hpp"

namespace sandbox::cli {
namespace {

using base::UsageError;

// A closed 0, 1 or 2 would be given to the next file that is opened, and what is meant for the
// user would land in the store. /dev/null takes the place: read-only for 1, so that output fails.
void hold_standard_descriptors() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        // Not O_CLOEXEC: these are the standard descriptors of payloads and helpers too.
        if (::open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) < 0) return;
    }
}

void say(std::string_view text) {
    std::string line(text);
    line += '\n';
    std::string_view rest = line;
    while (!rest.empty()) {
        const ssize_t n = ::write(STDERR_FILENO, rest.data(), rest.size());
        if (n <= 0) return;  // nobody is left to tell
        rest.remove_prefix(static_cast<size_t>(n));
    }
}

struct Choice {
    const Command* command = nullptr;
    std::vector<std::string> words;  // after the verb
};

[[noreturn]] void unknown_command(const std::string& group, const std::string& word) {
    const std::string path = group.empty() ? word : group + " " + word;
    const bool is_plain = group.empty() || group == "container" || group == "compose";
    if (const char* why = reason_missing(is_plain ? word : "")) {
        throw UsageError("no such command: " + base::quote(path), why);
    }
    const std::string before = group.empty() ? "" : group + " ";
    const std::optional<std::string> nearest = base::try_nearest(word, words_after(group));
    throw UsageError("unknown command: " + base::quote(path),
                     nearest ? "did you mean " + base::quote(before + *nearest) + "?"
                             : "see `sandbox " + before + "--help`");
}

Choice choose_command(std::span<const std::string> words) {
    const std::string& word = words[0];
    if (is_group(word)) {
        const bool has_second = words.size() > 1 && !words[1].starts_with("-");
        if (has_second) {
            const std::string path = word + " " + words[1];
            if (const Command* command = find_command(path)) {
                return {command, {words.begin() + 2, words.end()}};
            }
            if (find_command(word) == nullptr) unknown_command(word, words[1]);
        }
    }
    if (const Command* command = find_command(word)) {
        return {command, {words.begin() + 1, words.end()}};
    }
    if (!is_group(word)) unknown_command("", word);
    return {};
}

// `sandbox image`, `sandbox help run`, `sandbox image --help`.
int show_help(Output& out, std::span<const std::string> words) {
    if (words.empty()) {
        out.write(overview_help());
    } else if (const Choice choice = choose_command(words); choice.command != nullptr) {
        out.write(command_help(*choice.command));
    } else {
        out.write(group_help(words[0]));
    }
    return 0;
}

int run_command(Output& out, const Choice& choice, ProjectWords project) {
    const Command& command = *choice.command;
    Context context(out);
    context.project = std::move(project);
    try {
        const Invocation invocation = parse_flags(command, choice.words);
        return command.run(context, invocation);
    } catch (const HelpWanted&) {
        out.write(command_help(command));
        return 0;
    } catch (const base::Error& error) {
        out.flush();
        say_error(error);
        // 125 belongs to the verbs that answer a payload's exit code.
        const bool foreign = error.code() == base::exit_code::kEngine &&
                             command.failure_code != base::exit_code::kEngine;
        return error.code() == 0 || foreign ? command.failure_code : error.code();
    }
}

// Asked by the shells' completion scripts; whatever is wrong, there is just nothing to offer.
int show_completion(Output& out, std::span<const std::string> words) {
    try {
        Context context(out);
        const Completion answer = complete(context, {words.begin(), words.end()});
        for (const Candidate& each : answer.candidates) {
            out.line(each.description.empty() ? each.word : each.word + "\t" + each.description);
        }
        if (answer.files) out.line(":files");
        return 0;
    } catch (const base::Error&) {
        return base::exit_code::kFailure;
    }
}

int run_words(Output& out, std::span<const std::string> words) {
    while (!words.empty() && words[0].starts_with("-")) {
        if (words[0] == "--version" || words[0] == "-v") {
            out.line("sandbox version " SANDBOX_VERSION);
            return 0;
        }
        if (words[0] == "--help" || words[0] == "-h") return show_help(out, {});
        if (words[0] != "--debug" && words[0] != "-D") {
            throw UsageError("unknown flag: " + words[0].substr(0, words[0].find('=')),
                             "flags of a command stand behind it");
        }
        base::log::set_level(base::log::Level::debug);
        words = words.subspan(1);
    }
    if (words.empty()) {
        say(overview_help());
        return base::exit_code::kUsage;
    }
    if (words[0] == "__complete") return show_completion(out, words.subspan(1));
    if (words[0] == "__supervise" && words.size() == 4) {
        return engine::supervise_detached(words[1], words[2], words[3]);
    }
    if (words[0] == project::kFollowUpVerb && words.size() == 5) {
        return project::follow_container(words[1], words[2], words[3], words[4]);
    }
    if (words[0] == "__network" && words.size() == 4) {
        return net::run_holder(words[1], words[2], words[3]);
    }
    if (words[0] == "help") return show_help(out, words.subspan(1));
    ProjectWords project;
    std::vector<std::string> compose;
    if (words[0] == "compose") {
        compose.assign(words.begin() + 1, words.end());
        take_project_words(compose, project);
        compose.insert(compose.begin(), "compose");
        words = compose;
    }
    const Choice choice = choose_command(words);
    if (choice.command != nullptr) return run_command(out, choice, std::move(project));
    if (words.size() > 1 && (words[1] == "--help" || words[1] == "-h")) {
        return show_help(out, words.first(1));
    }
    say(group_help(words[0]));
    return base::exit_code::kUsage;
}

}  // namespace

int run(int argc, char** argv) noexcept {
    try {
        hold_standard_descriptors();
        Output out(STDOUT_FILENO);
        const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
        const int code = run_words(out, words);
        out.flush();
        return code;
    } catch (const ReaderGone&) {
        return base::exit_code::kFailure;
    } catch (const base::Error& error) {
        say_error(error);
        return error.code() != 0 ? error.code() : base::exit_code::kFailure;
    } catch (const std::bad_alloc&) {
        say("sandbox: out of memory");
    } catch (const std::exception& error) {
        say("sandbox: internal error: " + base::escape_control(error.what()));
    }
    return base::exit_code::kFailure;
}

}  // namespace sandbox::cli
