#include "engine/restart_policy.hpp"

#include <algorithm>

#include "engine/flags/flag_error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {

using Kind = RestartPolicy::Kind;

RestartPolicy parse_restart_policy(std::string_view text) {
    constexpr const char* kWords = "no, on-failure[:N], always or unless-stopped";
    const size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    RestartPolicy policy;
    if (name == "always") {
        policy.kind = Kind::always;
    } else if (name == "unless-stopped") {
        policy.kind = Kind::unless_stopped;
    } else if (name == "on-failure") {
        policy.kind = Kind::on_failure;
    } else if (name != "no" && !name.empty()) {
        throw_bad_flag("--restart", std::string(text), "unknown policy", kWords);
    }
    if (colon == std::string_view::npos) return policy;
    const auto count = base::try_parse_u64(text.substr(colon + 1));
    if (policy.kind != Kind::on_failure) {
        throw_bad_flag("--restart", std::string(text), "only on-failure takes a number", kWords);
    }
    if (!count || *count > UINT32_MAX) {
        throw_bad_flag("--restart", std::string(text), "the number of tries is not one", kWords);
    }
    policy.max_retries = static_cast<std::uint32_t>(*count);
    return policy;
}

std::string_view policy_name(Kind kind) noexcept {
    switch (kind) {
        case Kind::on_failure:
            return "on-failure";
        case Kind::always:
            return "always";
        case Kind::unless_stopped:
            return "unless-stopped";
        case Kind::no:
            break;
    }
    return "no";
}

std::string format_restart_policy(const RestartPolicy& policy) {
    std::string text(policy_name(policy.kind));
    if (policy.max_retries != 0) text += ":" + std::to_string(policy.max_retries);
    return text;
}

std::chrono::milliseconds RestartBackoff::next(std::chrono::nanoseconds life) noexcept {
    if (life >= kGoodLife) delay_ = kFirst;
    const std::chrono::milliseconds delay = delay_;
    delay_ = std::min(delay_ * 2, kLongest);
    return delay;
}

bool wants_restart(const RestartPolicy& policy, int exit_code, bool stopped_by_user,
                   std::uint32_t failures) noexcept {
    if (stopped_by_user) return false;
    switch (policy.kind) {
        case Kind::no:
            return false;
        case Kind::on_failure:
            return exit_code != 0 && (policy.max_retries == 0 || failures < policy.max_retries);
        case Kind::always:
        case Kind::unless_stopped:
            return true;
    }
    return false;
}

}  // namespace sandbox::engine
