// Mounting by descriptor, with the mount API of Linux 5.2+ (fsopen, open_tree, move_mount,
// mount_setattr). Where a filter answers ENOSYS to it, by mount(2) through /proc/self/fd.
#pragma once

#include "child/report.hpp"

namespace sandbox::engine::child {

// Where a mount goes: `name` below dir_fd, free of links and ".."; "" is dir_fd itself.
struct Place {
    int dir_fd;
    const char* name;
};

struct Flags {
    bool read_only = false;
    bool no_suid = false;
    bool no_dev = false;
    bool no_exec = false;
};

// Mounts a new file system at `place`. Answers an O_PATH descriptor of its root, or -errno.
int mount_new(const char* type, List<Option> options, const char* classic_options, Flags flags,
              Place place) noexcept;
// The same without attaching it: a descriptor for attach(). -ENOSYS where that cannot be.
int make_detached(const char* type, List<Option> options, Flags flags) noexcept;
int attach(int mount_fd, Place place) noexcept;

// A bind of what source_fd refers to. `flags` are added to those it has; recursive also covers all
// mounts below it. flags_left: the kernel has no mount_setattr, so that remount_classic() must
// follow after pivot_root.
struct BindResult {
    int rc = 0;
    bool flags_left = false;
};
BindResult bind(int source_fd, Flags flags, bool recursive, Place place) noexcept;
// The same; rc is an O_PATH descriptor of the new mount's root.
BindResult bind_and_keep(int source_fd, Flags flags, bool recursive, Place place) noexcept;
// Adds flags to a mount that is in place.
int add_flags(Place place, Flags flags) noexcept;
// For kernels without mount_setattr(2): adds flags to the mount at `path` (absolute, as this
// process sees it) and to all below it, as /proc/self/mountinfo lists them.
int remount_classic(const char* path, Flags flags, bool recursive) noexcept;

// A path to `name` below `dir_fd` that mount(2) understands.
bool classic_path(TextBuffer& buffer, Place place) noexcept;

}  // namespace sandbox::engine::child
