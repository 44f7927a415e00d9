#include "engine/flags/mount_options.hpp"

#include "engine/flags/flag_error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

mode_t parse_mode(std::string_view text, std::string_view flag, std::string_view typed) {
    unsigned mode = 0;
    for (const char c : text) {
        if (c < '0' || c > '7' || mode > 07777) throw_bad_flag(flag, typed, "mode must be octal");
        mode = mode * 8 + static_cast<unsigned>(c - '0');
    }
    if (text.empty() || mode > 07777) {
        throw_bad_flag(flag, typed, "mode must be octal, at most 7777", "for instance mode=1777");
    }
    return static_cast<mode_t>(mode);
}

// tmpfs(5): of the memory.
bool is_percentage(std::string_view text) {
    if (!text.ends_with('%')) return false;
    const auto number = base::try_parse_u64(text.substr(0, text.size() - 1));
    return number && *number > 0;
}

void append_option(MountSpec& spec, std::string_view option) {
    if (!spec.tmpfs_options.empty()) spec.tmpfs_options += ',';
    spec.tmpfs_options.append(option);
}

}  // namespace

bool apply_common_option(MountSpec& spec, std::string_view word) {
    if (word == "ro" || word == "readonly") {
        spec.read_only = true;
    } else if (word == "rw") {
        spec.read_only = false;
    } else if (word == "exec") {
        spec.exec = true;
    } else if (word == "noexec") {
        spec.exec = false;
    } else if (word == "suid") {
        spec.nosuid = false;
    } else if (word == "nosuid") {
        spec.nosuid = true;
    } else {
        return word == "nodev";  // always so
    }
    return true;
}

bool apply_propagation(MountWish& mount, std::string_view word, std::string_view flag,
                       std::string_view typed) {
    if (word == "private" || word == "rprivate") return true;
    if (word == "slave" || word == "rslave") {
        mount.notices.push_back("mounts that the host makes later below " +
                                base::quote(mount.spec.source) +
                                " will not be seen: propagation is always private");
        return true;
    }
    if (word == "shared" || word == "rshared") {
        throw_bad_flag(flag, typed, "shared propagation is not possible without root",
                       "leave " + base::quote(word) + " out");
    }
    return false;
}

bool apply_tmpfs_option(MountSpec& spec, std::string_view option, std::string_view flag,
                        std::string_view typed) {
    if (apply_common_option(spec, option)) return true;
    if (option == "notmpcopyup" || option == "noatime" || option == "rprivate" ||
        option == "private") {
        return true;
    }
    const size_t equals = option.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = option.substr(0, equals);
    const std::string_view value = option.substr(equals + 1);
    if (key == "size" && is_percentage(value)) {
        append_option(spec, option);
    } else if (key == "size") {
        const auto bytes = base::try_parse_size_bytes(value);
        if (!bytes || *bytes == 0) {
            throw_bad_flag(flag, typed, "size must be a number of bytes, or a part of the memory",
                           "for instance size=64m or size=50%");
        }
        spec.tmpfs_size_bytes = *bytes;
    } else if (key == "nr_inodes" && base::try_parse_size_bytes(value)) {  // 10k
        append_option(spec, option);
    } else if (key == "mode") {
        spec.tmpfs_mode = parse_mode(value, flag, typed);
    } else if (key == "uid" || key == "gid") {
        const auto number = base::try_parse_u64(value);
        if (!number || *number > 0x7fffffff) {
            throw_bad_flag(flag, typed, std::string(key) + " must be a number");
        }
        append_option(spec, option);
    } else {
        return false;
    }
    return true;
}

}  // namespace sandbox::engine
