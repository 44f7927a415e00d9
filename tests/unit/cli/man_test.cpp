// Every flag stands in the man page of its command, and no man page names a flag that is not there.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "cli/commands.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

const std::map<std::string, std::string> kPages{
    {"create", "run"},
    {"start", "container"},
    {"stop", "container"},
    {"restart", "container"},
    {"kill", "container"},
    {"wait", "container"},
    {"pause", "container"},
    {"unpause", "container"},
    {"rename", "container"},
    {"ps", "container"},
    {"rm", "container"},
    {"container prune", "container"},
    {"container exists", "container"},
    {"container inspect", "inspect"},
    {"image inspect", "inspect"},
    {"image prune", "image"},
    {"image exists", "image"},
    {"compose run", "compose"},
    {"compose rm", "compose"},
    {"compose pull", "compose"},
    {"compose images", "compose"},
    {"compose ls", "compose"},
    {"compose top", "compose"},
    {"compose scale", "compose"},
    {"compose create", "compose"},
    {"compose watch", "compose"},
    {"compose events", "compose"},
    {"compose volumes", "compose"},
    {"untag", "tag"},
    {"load", "save"},
    {"logout", "login"},
    {"info", "system"},
    {"system df", "system"},
    {"system prune", "system"},
    {"system check", "system"},
    {"network create", "network"},
    {"network ls", "network"},
    {"network inspect", "network"},
    {"network rm", "network"},
    {"network prune", "network"},
    {"network exists", "network"},
    {"network fault", "network"},
    {"network connect", "network"},
    {"network disconnect", "network"},
    {"volume create", "volume"},
    {"volume ls", "volume"},
    {"volume inspect", "inspect"},
    {"volume rm", "volume"},
    {"volume prune", "volume"},
    {"volume exists", "volume"},
};

std::string read_page(const std::string& name) {
    const std::ifstream file(SANDBOX_SOURCE_DIR "/man/sandbox-" + name + ".1");
    REQUIRE(file.good());
    std::ostringstream text;
    text << file.rdbuf();
    // roff's "\-" is a dash.
    return std::regex_replace(text.str(), std::regex(R"(\\-)"), "-");
}

// The options of one command: its own subsection, or all of OPTIONS when the page is about it
// alone.
std::string options_of(const std::string& page, const std::string& command) {
    const size_t begin = page.find("\n.SH OPTIONS\n");
    REQUIRE(begin != std::string::npos);
    const std::string options = page.substr(begin + 1, page.find("\n.SH ", begin + 5) - begin);
    const size_t section = options.find("\n.SS sandbox " + command + "\n");
    if (section == std::string::npos) {
        CHECK(options.find("\n.SS ") == std::string::npos);
        return options;
    }
    return options.substr(section, options.find("\n.SS ", section + 1) - section);
}

std::set<std::string> flags_in_table(const Command& command) {
    std::set<std::string> names{"--help"};
    for (const Flag& flag : command.flags) {
        for (const std::string& name : base::split(flag.names, ',')) names.insert(name);
    }
    if (names.count("-h") == 0) names.insert("-h");
    return names;
}

// Flags stand on the line behind .TP.
std::set<std::string> flags_in_page(const std::string& options) {
    std::set<std::string> names;
    const std::regex flag(R"(\\fB(--?[A-Za-z][A-Za-z0-9-]*)\\fR)");
    const std::vector<std::string> lines = base::split(options, '\n');
    for (size_t i = 1; i < lines.size(); ++i) {
        if (lines[i - 1] != ".TP") continue;
        for (std::sregex_iterator it(lines[i].begin(), lines[i].end(), flag), end; it != end;
             ++it) {
            names.insert((*it)[1]);
        }
    }
    return names;
}

TEST_CASE("man pages and tables name the same flags for every command") {
    for (const CommandGroup& group : command_groups()) {
        for (const Command* command : group.commands) {
            const std::string name(first_name(*command));
            INFO(name);
            const auto found = kPages.find(name);
            const std::string page = read_page(found == kPages.end() ? name : found->second);
            CHECK(flags_in_page(options_of(page, name)) == flags_in_table(*command));
        }
    }
}

TEST_CASE("the overview page names every command") {
    std::ifstream file(SANDBOX_SOURCE_DIR "/man/sandbox.1");
    std::ostringstream stream;
    stream << file.rdbuf();
    const std::string text = stream.str();
    for (const CommandGroup& group : command_groups()) {
        for (const Command* command : group.commands) {
            const std::vector<std::string> words = base::split(first_name(*command), ' ');
            INFO(command->names);
            CHECK((text.find("\\fB" + std::string(first_name(*command)) + "\\fR") != text.npos ||
                   text.find("\\fB" + words.back() + "\\fR") != text.npos));
        }
    }
}

}  // namespace
}  // namespace sandbox::cli
