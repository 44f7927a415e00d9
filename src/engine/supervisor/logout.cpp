#include "engine/supervisor/logout.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"

namespace sandbox::engine {
namespace {

constexpr size_t kMaxBytes = 256u << 10;

std::string read_or_empty(const std::string& path) {
    try {
        return base::try_read_file_at(AT_FDCWD, path, kMaxBytes).value_or("");
    } catch (const base::Error& error) {
        base::log::debug(error.message());
        return {};
    }
}

// The last assignment of a key; comments are lines of their own.
std::optional<std::string> try_setting(const std::vector<std::string>& configs,
                                       std::string_view key) {
    std::optional<std::string> found;
    for (const std::string& text : configs) {
        for (const std::string& line : base::split(text, '\n')) {
            const size_t equals = line.find('=');
            if (equals == std::string::npos ||
                base::trim(std::string_view(line).substr(0, equals)) != key)
                continue;
            found = base::trim(std::string_view(line).substr(equals + 1));
        }
    }
    return found;
}

bool names_user(const std::string& list, const std::string& user) {
    const std::vector<std::string> names = base::split(list, ' ');
    return std::find(names.begin(), names.end(), user) != names.end();
}

bool kills_sessions(const LogoutFacts& facts) {
    const std::string kill = try_setting(facts.configs, "KillUserProcesses").value_or("no");
    if (kill != "yes" && kill != "true" && kill != "1" && kill != "on") return false;
    if (names_user(try_setting(facts.configs, "KillExcludeUsers").value_or("root"), facts.user)) {
        return false;
    }
    const std::string only = try_setting(facts.configs, "KillOnlyUsers").value_or("");
    return only.empty() || names_user(only, facts.user);
}

LogoutFacts read_facts() {
    LogoutFacts facts;
    facts.cgroup = read_or_empty("/proc/self/cgroup");
    if (facts.cgroup.find("/user.slice/") == std::string::npos) return facts;
    facts.user = base::host_user().name;
    facts.lingers =
        !facts.user.empty() && base::exists_at(AT_FDCWD, "/var/lib/systemd/linger/" + facts.user);
    // systemd-analyze(1), cat-config: /etc wins over /run and /usr/lib for files of one name; which
    // setting is last matters only between drop-ins, and those are few.
    for (const char* root : {"/usr/lib", "/run", "/etc"}) {
        const std::string place = std::string(root) + "/systemd/logind.conf";
        facts.configs.push_back(read_or_empty(place));
        const auto dir = base::try_open_at(AT_FDCWD, place + ".d", O_RDONLY | O_DIRECTORY);
        if (!dir) continue;
        for (const std::string& name : base::list_dir(dir->get())) {
            facts.configs.push_back(read_or_empty(place + ".d/" + name));
        }
    }
    return facts;
}

}  // namespace

std::optional<std::string> try_logout_danger(const LogoutFacts& facts) {
    const auto is_below = [&](std::string_view part) {
        return facts.cgroup.find(part) != std::string::npos;
    };
    if (!is_below("/user.slice/")) return std::nullopt;
    if (is_below("/session-") && is_below(".scope")) {
        if (!kills_sessions(facts)) return std::nullopt;
        return "loginctl enable-linger, and start it by `systemd-run --user --scope sandbox …`";
    }
    if (is_below("/user@") && !facts.lingers) return "loginctl enable-linger";
    return std::nullopt;
}

void warn_of_logout() noexcept {
    try {
        if (const auto cure = try_logout_danger(read_facts())) {
            base::log::notice("systemd will end this container when you log out (" + *cure +
                              " keeps it)");
        }
    } catch (const std::exception& error) {
        base::log::debug(error.what());
    }
}

}  // namespace sandbox::engine
