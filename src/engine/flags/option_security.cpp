// --security-opt, --sysctl, --userns.
#include <algorithm>
#include <array>

#include "engine/flags/flag_error.hpp"
#include "engine/flags/option_flags.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

constexpr std::string_view kFlag = "--security-opt";

bool parse_switch(std::string_view value, std::string_view typed) {
    if (value.empty() || value == "true" || value == "1") return true;
    if (value == "false" || value == "0") return false;
    throw_bad_flag(kFlag, typed, "must be true or false");
}

void apply_option(SecurityWish& wish, std::string_view typed) {
    const size_t separator = typed.find_first_of("=:");  // docker's old form has a colon
    const std::string_view key = typed.substr(0, separator);
    const std::string_view value =
        separator == std::string_view::npos ? std::string_view{} : typed.substr(separator + 1);
    if (key == "no-new-privileges") {
        wish.no_new_privileges = parse_switch(value, typed);
    } else if (key == "seccomp") {
        if (value.empty()) throw_bad_flag(kFlag, typed, "seccomp=FILE or seccomp=unconfined");
        wish.seccomp_unconfined = value == "unconfined";
        const bool is_word = value == "unconfined" || value == "builtin" || value == "default";
        wish.seccomp_file = is_word ? "" : std::string(value);
    } else if (key == "systempaths" || key == "unmask") {
        if (value != "unconfined" && base::to_upper(value) != "ALL") {
            throw_bad_flag(kFlag, typed, "single paths cannot be unmasked",
                           "systempaths=unconfined unmasks all of them");
        }
        wish.mask_paths = false;
    } else if (key == "label" || key == "apparmor") {
        // Neither SELinux nor AppArmor lets a user load or choose a policy.
        const bool off = value == "disable" || value == "unconfined";
        if (!off) wish.notices.push_back(std::string(typed) + " has no effect without root");
    } else {
        const auto nearest = base::try_nearest(
            key, {"no-new-privileges", "seccomp", "systempaths", "label", "apparmor"});
        throw_bad_flag(kFlag, typed, "unknown option " + base::quote(key),
                       nearest ? "did you mean \"" + *nearest + "\"?"
                               : "options are no-new-privileges, seccomp=, systempaths=");
    }
}

// namespaces(7): what ipc, uts and network namespaces keep to themselves.
constexpr std::array<std::string_view, 11> kIpcKeys{
    "kernel.msgmax",      "kernel.msgmnb",      "kernel.msgmni",    "kernel.sem",
    "kernel.shmall",      "kernel.shmmax",      "kernel.shmmni",    "kernel.shm_rmid_forced",
    "kernel.auto_msgmni", "kernel.msg_next_id", "kernel.domainname"};

bool is_sysctl_key(std::string_view key) {
    if (key.empty() || key.find("..") != std::string_view::npos) return false;
    return std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

}  // namespace

SecurityWish parse_security_opts(const std::vector<std::string>& options) {
    SecurityWish wish;
    for (const std::string& option : options) apply_option(wish, option);
    return wish;
}

std::pair<std::string, std::string> parse_sysctl(std::string_view text, NetworkMode mode) {
    constexpr std::string_view kSysctl = "--sysctl";
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        throw_bad_flag(kSysctl, text, "no \"=\" in it", "KEY=VALUE");
    }
    std::string key(text.substr(0, equals));
    // sysctl(8): with slashes, dots are part of a name (network interfaces); keep to dots.
    std::replace(key.begin(), key.end(), '/', '.');
    const std::string_view value = text.substr(equals + 1);
    if (!is_sysctl_key(key)) throw_bad_flag(kSysctl, text, "not a key of /proc/sys");
    if (value.size() > 4096 || value.find_first_of(std::string_view("\n\0", 2)) != value.npos) {
        throw_bad_flag(kSysctl, text, "the value must be one line");
    }
    const bool is_net = key.starts_with("net.");
    if (is_net && mode == NetworkMode::host) {
        throw_bad_flag(kSysctl, text, "with --network host this would be the host's own setting");
    }
    const bool is_ipc = std::find(kIpcKeys.begin(), kIpcKeys.end(), key) != kIpcKeys.end();
    if (!is_net && !is_ipc && !key.starts_with("fs.mqueue.")) {
        throw_bad_flag(kSysctl, text, "this setting belongs to the whole host",
                       "possible are net.*, fs.mqueue.*, kernel.msg*, kernel.sem and kernel.shm*");
    }
    return {std::move(key), std::string(value)};
}

IdentityMode parse_identity(std::string_view text) {
    for (const IdentityMode mode :
         {IdentityMode::range, IdentityMode::emulate, IdentityMode::map_user, IdentityMode::fake}) {
        if (text == name_of(mode)) return mode;
    }
    throw_bad_flag("--identity", text, "use subuid, emulate, map-user or fake");
}

void check_userns(std::string_view text) {
    if (text.empty() || text == "host" || text == "private")
        return;  // docker's words for "as usual"
    constexpr std::string_view kUserns = "--userns";
    if (text == "keep-id" || text.starts_with("keep-id:")) {
        throw_bad_flag(kUserns, text, "not available: root in the container is always you",
                       "files that root writes to a bind mount are yours already");
    }
    throw_bad_flag(kUserns, text, "a container always has a user namespace of its own",
                   "leave the flag out");
}

}  // namespace sandbox::engine
