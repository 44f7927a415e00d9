// Locks an unpacking child up: the layer's directory becomes its whole file system, it loses every
// descriptor, capability and system call that unpacking does not need. See confine.cpp.
#pragma once

#include <cstdint>

#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::image {

// What the child keeps, at fixed places from enter() on.
struct ConfinedFds {
    int blob = -1;
    int report = -1;
    int owners = -1;  // may stay -1
};

// Makes a directory the current one that only a namespace's root may enter.
void enter_by_name(int dir_fd);
// The current directory (as of clone) becomes "/"; nothing else stays visible. The maps must be
// written. Throws SysError.
void pivot_into_current_directory();
// Becomes root of the namespace (when the map has a 0).
void become_mapped_root(const kernel::IdMap& ids);
// Closes all descriptors except those named, which move to small numbers. Answers the new ones.
[[nodiscard]] ConfinedFds keep_only(const ConfinedFds& fds);
// Resource limits, capabilities, no_new_privs, the system call filter. Threads may be made after
// it.
void drop_privileges();
// Its last part: of the capabilities only these (a bit each), no_new_privs, the system call filter.
void load_file_filter(std::uint64_t capabilities);

}  // namespace sandbox::image
