// Who the payload is: USER and --user against the image's own passwd and group files. Pure: text
// in, ids out. Hostile input: numbers are decimal and small enough for every kernel interface,
// names never stand for numbers, malformed lines are not there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/engine/container_spec.hpp"

namespace sandbox::engine {

// podman's word: the payload has the caller's supplementary groups instead.
inline constexpr const char* kKeepGroups = "keep-groups";

struct AccountFiles {
    std::string passwd;  // empty: the image has none
    std::string group;
};

// docker's rules. `user`: "", "name", "uid", "name:group", "uid:gid". Without a group: the passwd
// line's primary group and every group that lists the user; with one: that group alone.
// `group_add`: names or gids; kKeepGroups adds none. Throws UsageError (125) naming
// what was not found.
[[nodiscard]] IdentitySpec look_up_user(std::string_view user, const AccountFiles& files,
                                        const std::vector<std::string>& group_add);

// Would look_up_user need the files at all? "0:0" and "1000:1000" with no names still want HOME.
struct UserText {
    std::string user;
    std::string group;
    bool has_group = false;
};
[[nodiscard]] UserText split_user(std::string_view text);

}  // namespace sandbox::engine
