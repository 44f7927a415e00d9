#include "engine/user_lookup.hpp"

#include <algorithm>
#include <optional>

#include "engine/flags/flag_error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

// What docker accepts; above it some kernel interfaces read a negative number.
constexpr std::uint64_t kMaxId = 0x7fffffff;
constexpr size_t kMaxLineBytes = 64u << 10;

bool is_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Canonical decimal only: "00" and "0x0" are no spelling of root.
std::optional<std::uint32_t> try_parse_id(std::string_view text) {
    if (!is_digits(text) || text.size() > 10 || (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    const auto number = base::try_parse_u64(text);
    if (!number || *number > kMaxId) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

// A name begins with a letter or "_", so that it can never be meant as a number.
bool is_account_name(std::string_view text) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    if (text.empty() || text.size() > 256 || !is_letter(text.front())) return false;
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '$' ||
               c == '@' || c == '\\';
    });
}

struct PasswdEntry {
    std::string name;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string home;
};
struct GroupEntry {
    std::string name;
    std::uint32_t gid = 0;
    std::vector<std::string> members;
};

// Calls `handle` with the fields of each line until it answers true.
template <typename F>
void each_line(std::string_view text, F&& handle) {
    while (!text.empty()) {
        const size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty() || line.front() == '#' || line.size() > kMaxLineBytes) continue;
        if (handle(base::split(line, ':'))) return;
    }
}

template <typename F>
std::optional<PasswdEntry> find_passwd(std::string_view text, F&& matches) {
    std::optional<PasswdEntry> found;
    each_line(text, [&](const std::vector<std::string>& fields) {
        if (fields.size() < 4) return false;
        const auto uid = try_parse_id(fields[2]);
        const auto gid = try_parse_id(fields[3]);
        if (!uid || !gid || !matches(fields[0], *uid)) return false;
        found = PasswdEntry{fields[0], *uid, *gid, fields.size() > 5 ? fields[5] : ""};
        return true;
    });
    return found;
}

template <typename F>
void each_group(std::string_view text, F&& handle) {
    each_line(text, [&](const std::vector<std::string>& fields) {
        if (fields.size() < 3) return false;
        const auto gid = try_parse_id(fields[2]);
        if (!gid) return false;
        GroupEntry entry{fields[0], *gid, {}};
        if (fields.size() > 3) entry.members = base::split(fields[3], ',');
        return handle(entry);
    });
}

std::optional<std::uint32_t> find_group(std::string_view text, std::string_view name) {
    std::optional<std::uint32_t> found;
    each_group(text, [&](const GroupEntry& entry) {
        if (entry.name == name) found = entry.gid;
        return found.has_value();
    });
    return found;
}

[[noreturn]] void throw_bad_user(std::string_view text, std::string_view why) {
    throw_usage("user " + base::quote(text) + ": " + std::string(why),
                "a name of the image's /etc/passwd or an id from 0 to 2147483647");
}

std::uint32_t resolve_group(const std::string& text, std::string_view groups) {
    if (is_digits(text)) {
        if (const auto gid = try_parse_id(text)) return *gid;
        throw_usage("group " + base::quote(text) + ": not an id from 0 to 2147483647");
    }
    if (!is_account_name(text)) throw_usage("group " + base::quote(text) + ": not a group name");
    if (const auto gid = find_group(groups, text)) return *gid;
    throw_usage("unable to find group " + base::quote(text) + " in the image's /etc/group",
                "use a number for a group that the image does not know");
}

void add_group(IdentitySpec& identity, std::uint32_t gid) {
    const kernel::ContainerId id{gid};
    auto& groups = identity.groups;
    if (std::find(groups.begin(), groups.end(), id) == groups.end()) groups.push_back(id);
}

// The passwd line of the user, or what stands for a number without a line.
PasswdEntry resolve_user(const std::string& text, std::string_view passwd) {
    if (is_digits(text)) {
        const auto uid = try_parse_id(text);
        if (!uid) throw_bad_user(text, "not an id from 0 to 2147483647");
        const auto entry =
            find_passwd(passwd, [&](const std::string&, std::uint32_t id) { return id == *uid; });
        return entry ? *entry : PasswdEntry{"", *uid, 0, ""};
    }
    if (!is_account_name(text)) throw_bad_user(text, "neither a name nor an id");
    const auto entry =
        find_passwd(passwd, [&](const std::string& name, std::uint32_t) { return name == text; });
    if (entry) return *entry;
    throw_usage("unable to find user " + base::quote(text) + " in the image's /etc/passwd",
                "use a number for a user that the image does not know");
}

}  // namespace

UserText split_user(std::string_view text) {
    const size_t colon = text.find(':');
    UserText result;
    result.user = text.substr(0, colon);
    if (colon != std::string_view::npos) {
        result.group = text.substr(colon + 1);
        result.has_group = !result.group.empty();
    }
    return result;
}

IdentitySpec look_up_user(std::string_view user, const AccountFiles& files,
                          const std::vector<std::string>& group_add) {
    const UserText text = split_user(user);
    const PasswdEntry entry = resolve_user(text.user.empty() ? "0" : text.user, files.passwd);
    IdentitySpec identity;
    identity.uid = {entry.uid};
    identity.gid = {text.has_group ? resolve_group(text.group, files.group) : entry.gid};
    identity.home = entry.home.empty() || entry.home.front() != '/' ? "/" : entry.home;
    // The primary group is in the list too: otherwise a file that denies it to the group could be
    // read after setgid(2) to another one.
    add_group(identity, identity.gid.value);
    if (!text.has_group && !entry.name.empty()) {
        each_group(files.group, [&](const GroupEntry& group) {
            const auto& members = group.members;
            if (std::find(members.begin(), members.end(), entry.name) != members.end()) {
                add_group(identity, group.gid);
            }
            return false;
        });
    }
    for (const std::string& group : group_add) {
        if (group == kKeepGroups) continue;
        add_group(identity, resolve_group(group, files.group));
    }
    return identity;
}

}  // namespace sandbox::engine
