// Compose files as one finds them, in tests/fixtures/compose/NAME/compose.yaml. Beside each stand
// what `init --from` makes of it (profile.toml) and what it reports, key by key (report).
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "sandbox/project/compose.hpp"
#include "sandbox/project/resolved.hpp"
#include "sandbox/project/start_order.hpp"
#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

std::vector<std::string> fixtures() {
    std::set<std::string> directories;
    const std::string top = SANDBOX_SOURCE_DIR "/tests/fixtures/compose";
    for (const auto& entry : std::filesystem::directory_iterator(top)) {
        directories.insert(entry.path().string());
    }
    return {directories.begin(), directories.end()};
}

std::string read(const std::string& path) {
    return base::try_read_file_at(AT_FDCWD, path, 1u << 20).value_or("");
}

std::string report_of(const ComposeImport& import) {
    std::string text;
    for (const std::string& line : import.changed) text += "changed " + line + "\n";
    for (const std::string& line : import.ignored) text += "ignored " + line + "\n";
    for (const std::string& line : import.refused) text += "refused " + line + "\n";
    return text;
}

Project load_file(const std::string& directory, const std::string& name) {
    LoadOptions options;
    options.files = {directory + "/" + name};
    options.current_dir = directory;
    options.environment = [](const std::string& variable) {
        return variable == "POSTGRES_PW" ? std::optional<std::string>("geheim") : std::nullopt;
    };
    return load_project(options);
}

TEST_CASE("well-known compose files become the profiles that they were expected to become") {
    REQUIRE(fixtures().size() >= 12);
    for (const std::string& directory : fixtures()) {
        CAPTURE(directory);
        const ComposeImport import = import_compose(directory + "/compose.yaml", "compose.yaml");
        CHECK(import.toml == read(directory + "/profile.toml"));
        CHECK(report_of(import) == read(directory + "/report"));
    }
}

TEST_CASE("a compose file read directly means what its profile means, but for what is refused") {
    size_t refused = 0;
    for (const std::string& directory : fixtures()) {
        CAPTURE(directory);
        const ComposeImport import = import_compose(directory + "/compose.yaml", "compose.yaml");
        if (!import.refused.empty()) {
            ++refused;
            const std::string& first = import.refused.front();  // compose.yaml:L: key: why
            const Project project = load_file(directory, "compose.yaml");
            std::vector<std::string> messages;
            for (const Service& service : project.services) {
                if (service.refused) messages.push_back(service.refused->message());
            }
            REQUIRE_FALSE(messages.empty());
            CHECK_THAT(messages.front(),
                       Catch::StartsWith(first.substr(0, first.find(": ")) + ":") &&
                           Catch::Contains("cannot be done here"));
            CHECK(messages.size() < project.services.size());
            continue;
        }
        const Project direct = load_file(directory, "compose.yaml");
        const Project profile = load_file(directory, "profile.toml");
        CHECK(base::json::dump(resolved_project(direct), 2) ==
              base::json::dump(resolved_project(profile), 2));
        CHECK(direct.notices.size() >= import.ignored.size());
        CHECK(profile.notices.size() == direct.notices.size() - import.ignored.size());
        CHECK_FALSE(start_waves(direct, select_services(direct, {{}, {"*"}, true})).empty());
    }
    CHECK(refused > 0);
    CHECK(refused < fixtures().size() / 2);
}

}  // namespace
}  // namespace sandbox::project
