#include "cli/commands.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "cli/help.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

TEST_CASE("every command has unique names, unique flags, and a help text that shows them all") {
    std::set<std::string> names;
    for (const CommandGroup& group : command_groups()) {
        for (const Command* command : group.commands) {
            INFO(command->names);
            for (const std::string& name : base::split(command->names, ',')) {
                CHECK(names.insert(name).second);
                CHECK(find_command(name) == command);
            }
            std::set<std::string> flags;
            const std::string help = command_help(*command);
            for (const Flag& flag : command->flags) {
                CHECK_FALSE(key_of(flag).empty());
                CHECK(std::string_view(flag.value).empty() == (flag.kind == FlagKind::toggle));
                for (const std::string& name : base::split(flag.names, ',')) {
                    CHECK(flags.insert(name).second);
                    CHECK(help.find(name) != std::string::npos);
                }
            }
            for (const RefusedFlag& refused : command->refused) {
                for (const std::string& name : base::split(refused.names, ',')) {
                    INFO(name);
                    CHECK(flags.insert(name).second);
                }
            }
        }
    }
}

TEST_CASE("no line of any help text is wider than 100 columns") {
    std::string text = overview_help();
    for (const CommandGroup& group : command_groups()) {
        for (const Command* command : group.commands) text += command_help(*command);
    }
    for (const std::string& line : base::split(text, '\n')) {
        INFO(line);
        CHECK(line.size() <= 100);
    }
}

TEST_CASE("groups are known by their first word only") {
    CHECK(is_group("image"));
    CHECK(is_group("volume"));
    CHECK_FALSE(is_group("images"));
    CHECK_FALSE(is_group("run"));
    CHECK_FALSE(is_group(""));
    const std::vector<std::string> words = words_after("volume");
    CHECK(words == std::vector<std::string>{"create", "exists", "inspect", "list", "ls", "prune",
                                            "remove", "rm"});
}

TEST_CASE("docker's verbs that are not there have a reason, others have none") {
    CHECK(reason_missing("push") != nullptr);
    CHECK(reason_missing("search") != nullptr);
    CHECK(reason_missing("exe") == nullptr);
    CHECK(reason_missing("") == nullptr);
}

}  // namespace
}  // namespace sandbox::cli
