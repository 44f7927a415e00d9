// Where the user's things are. No getpwuid in a static binary: $HOME, else /etc/passwd is read.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace sandbox::base {

struct HostUser {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string name;  // "1000" when /etc/passwd has no line
    std::string home;  // never empty
};
[[nodiscard]] HostUser host_user();
[[nodiscard]] std::string data_home();    // $XDG_DATA_HOME or ~/.local/share; absolute
[[nodiscard]] std::string config_home();  // $XDG_CONFIG_HOME or ~/.config
[[nodiscard]] std::string cache_home();
// $XDG_RUNTIME_DIR when it is ours and 0700; else /run/user/UID; else a 0700 directory
// /tmp/sandbox-runtime-UID that is checked (owner, mode, no link) and made when missing.
[[nodiscard]] std::string runtime_dir();
[[nodiscard]] std::optional<std::string> try_env(const char* name);  // absent when unset or empty

}  // namespace sandbox::base
