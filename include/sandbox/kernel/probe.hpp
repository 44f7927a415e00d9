// What this host permits, found out by trying it; each "no" with the cure. Slow (forks); `doctor`
// prints all of it. On the launch path only explain_namespace_failure() is used, after a failure.
#pragma once

#include <string>
#include <vector>

namespace sandbox::kernel {

struct Ability {
    enum class State { yes, no, limited };
    std::string name;  // "user namespaces", "subuid range", "overlay with userxattr", …
    State state = State::no;
    bool needed = false;  // nothing runs without it
    std::string gives;    // what it is good for, one line
    std::string detail;   // what was seen: "100000-165535 through /usr/bin/newuidmap"
    std::string cure;     // the exact command or setting; empty for yes
};
// `store_root`: where the layers live (overlay and xattrs depend on the file system).
[[nodiscard]] std::vector<Ability> probe_host(const std::string& store_root);

// clone or a first mount in a user namespace was refused with `errnum`: names the rule that did it
// (AppArmor's restriction, user.max_user_namespaces, an outer container's seccomp, masked /proc)
// and the command that lifts it. Empty when unknown.
[[nodiscard]] std::string explain_namespace_failure(int errnum);

}  // namespace sandbox::kernel
