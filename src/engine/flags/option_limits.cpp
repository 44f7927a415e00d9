// Limits: --ulimit, --shm-size, --pids-limit.
#include <algorithm>
#include <array>

#include "engine/flags/flag_error.hpp"
#include "engine/flags/option_flags.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

struct Resource {
    std::string_view name;
    int number;
};
// docker's names, getrlimit(2)'s resources.
constexpr std::array<Resource, 16> kResources{{{"core", RLIMIT_CORE},
                                               {"cpu", RLIMIT_CPU},
                                               {"data", RLIMIT_DATA},
                                               {"fsize", RLIMIT_FSIZE},
                                               {"locks", RLIMIT_LOCKS},
                                               {"memlock", RLIMIT_MEMLOCK},
                                               {"msgqueue", RLIMIT_MSGQUEUE},
                                               {"nice", RLIMIT_NICE},
                                               {"nofile", RLIMIT_NOFILE},
                                               {"nproc", RLIMIT_NPROC},
                                               {"rss", RLIMIT_RSS},
                                               {"rtprio", RLIMIT_RTPRIO},
                                               {"rttime", RLIMIT_RTTIME},
                                               {"sigpending", RLIMIT_SIGPENDING},
                                               {"stack", RLIMIT_STACK},
                                               {"as", RLIMIT_AS}}};
constexpr std::string_view kUlimit = "--ulimit";

rlim_t parse_limit(std::string_view text, std::string_view typed) {
    if (text == "-1" || text == "unlimited") return RLIM_INFINITY;
    const auto number = base::try_parse_u64(text);
    if (!number) {
        throw_bad_flag(kUlimit, typed, base::quote(text) + " is not a number",
                       "NAME=SOFT[:HARD], -1 for unlimited");
    }
    return static_cast<rlim_t>(*number);
}

std::string limit_text(rlim_t value) {
    return value == RLIM_INFINITY ? "unlimited" : std::to_string(value);
}

}  // namespace

std::pair<int, rlimit> parse_ulimit(std::string_view text) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        throw_bad_flag(kUlimit, text, "no \"=\" in it",
                       "NAME=SOFT[:HARD], for instance nofile=1024:4096");
    }
    std::string name = base::to_lower(text.substr(0, equals));
    if (name.starts_with("rlimit_")) name.erase(0, 7);
    const auto found = std::find_if(kResources.begin(), kResources.end(),
                                    [&](const Resource& r) { return r.name == name; });
    if (found == kResources.end()) {
        std::vector<std::string> names;
        for (const Resource& resource : kResources) names.emplace_back(resource.name);
        const auto nearest = base::try_nearest(name, names);
        throw_bad_flag(
            kUlimit, text, "unknown limit " + base::quote(name),
            nearest ? "did you mean \"" + *nearest + "\"?" : "one of " + base::join(names, ", "));
    }
    const std::vector<std::string> values = base::split(text.substr(equals + 1), ':', 2);
    rlimit limit{};
    limit.rlim_cur = parse_limit(values[0], text);
    limit.rlim_max = values.size() == 2 ? parse_limit(values[1], text) : limit.rlim_cur;
    if (limit.rlim_cur > limit.rlim_max) {
        throw_bad_flag(kUlimit, text, "the soft limit is above the hard limit");
    }
    return {found->number, limit};
}

std::string rlimit_name(int resource) {
    for (const Resource& known : kResources) {
        if (known.number == resource) return std::string(known.name);
    }
    return std::to_string(resource);
}

rlimit allowed_ulimit(std::string_view typed, int resource, const rlimit& wish,
                      const rlimit& host_limit, bool strict) {
    if (wish.rlim_max <= host_limit.rlim_max) return wish;
    const std::string most = limit_text(host_limit.rlim_max);
    const std::string why = "above your own hard limit of " + most;
    const std::string cure = "root can raise yours in /etc/security/limits.conf";
    if (strict) {
        throw_bad_flag(kUlimit, typed, why,
                       "use at most " + rlimit_name(resource) + "=" + most + ", or: " + cure);
    }
    base::log::warning("--ulimit " + std::string(typed) + " is " + why +
                       ", which is taken instead (" + cure + ")");
    return {std::min(wish.rlim_cur, host_limit.rlim_max), host_limit.rlim_max};
}

std::string ulimit_text(int resource, const rlimit& limit) {
    const auto number = [](rlim_t value) {
        return value == RLIM_INFINITY ? std::string("-1") : std::to_string(value);
    };
    return rlimit_name(resource) + "=" + number(limit.rlim_cur) + ":" + number(limit.rlim_max);
}

std::uint64_t parse_shm_size(std::string_view text) {
    const auto bytes = base::try_parse_size_bytes(text);
    if (!bytes) {
        throw_bad_flag("--shm-size", text, "not a size", "a number and b, k, m or g, such as 64m");
    }
    return *bytes == 0 ? 64u << 20 : *bytes;  // docker: 0 is the default
}

std::uint64_t parse_pids_limit(std::string_view text) {
    if (text == "-1" || text == "0" || text == "unlimited") return 0;
    const auto number = base::try_parse_u64(text);
    if (!number || *number > (1u << 22)) {  // kernel: PID_MAX_LIMIT
        throw_bad_flag("--pids-limit", text, "not a number of processes", "-1 for no limit");
    }
    return *number;
}

}  // namespace sandbox::engine
