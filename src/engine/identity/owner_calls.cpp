#include "engine/identity/owner_calls.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

#include "engine/identity/compat_calls.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

// chown(2): what the kernel asks before it changes an owner.
bool may_change(const Credentials& who, const FileOwner& old, std::uint32_t uid,
                std::uint32_t gid) noexcept {
    if (who.has(CAP_CHOWN)) return true;
    const bool is_owner = who.user.file_system == old.uid;
    if (uid != kKeepId && !(is_owner && uid == old.uid)) return false;
    return gid == kKeepId || (is_owner && (gid == old.gid || who.in_group(gid)));
}

// chown(2): a program does not keep its setuid and setgid bits.
void clear_id_bits(int fd, mode_t mode) noexcept {
    if (!S_ISREG(mode)) return;
    mode_t cleared = mode & 07777 & ~mode_t{S_ISUID};
    if ((mode & S_IXGRP) != 0) cleared &= ~mode_t{S_ISGID};
    if (cleared == (mode & 07777)) return;
    (void)raw::fchmodat(AT_FDCWD, ("self/fd/" + std::to_string(fd)).c_str(), cleared);
}

}  // namespace

FoundFile OwnerCalls::find(const TrappedProcess& process, Target target) const {
    if (target.path_address != 0) {
        const int rc = process.read_path(target.path_address, target.wish.path);
        if (rc < 0) return {{}, rc};
    }
    const bool own_root = table_.own_roots() && table_.of(process.pid()).own_root;
    return look_up(process, own_root, target.wish);
}

FoundFile OwnerCalls::find_shown(const TrappedProcess& process, Target target) {
    PathWish& wish = target.wish;
    if (target.path_address != 0 && process.read_path(target.path_address, wish.path) < 0) {
        return {};
    }
    const bool own_root = table_.own_roots() && table_.of(process.pid()).own_root;
    // Most files are root's, and this is asked very often; but somebody's file has neighbours that
    // are somebody's, too.
    if (!own_root && std::exchange(last_shown_to_, 0) != process.pid() &&
        is_the_kernels(process, wish))
        return {};
    return look_up(process, own_root, wish);
}

// In one call mostly: from its own directory or descriptor by their names in /proc. What another
// process with its pid has there would not be shown to anybody.
bool OwnerCalls::is_the_kernels(const TrappedProcess& process, const PathWish& wish) const {
    const int flags = wish.follow || wish.path.empty() ? 0 : AT_SYMLINK_NOFOLLOW;
    const bool absolute = !wish.path.empty() && wish.path.front() == '/';
    // A link answers as one without a mark in /proc, too, where it is its process's.
    if (wish.path.starts_with("/proc/")) return false;
    const QuickOwner owner =
        absolute
            ? owners_.look_quickly(AT_FDCWD, wish.path.c_str(), flags)
            : owners_.look_quickly(process.proc_fd(),
                                   process.path_from_own(wish.dir_fd, wish.path).c_str(), flags);
    // What is not there for us is not there for the process, but its own descriptors by name.
    return owner == QuickOwner::root ||
           (owner == QuickOwner::no_file && !names_own_descriptor(wish.path));
}

TrapReply OwnerCalls::change_owner(const TrappedProcess& process, Target target,
                                   unsigned first_id) {
    const std::uint32_t uid = process.id_argument(first_id);
    const std::uint32_t gid = process.id_argument(first_id + 1);
    const FoundFile found = find(process, std::move(target));
    // What only the process itself can follow is a descriptor or a process: not worth remembering.
    if (found.error == -ELOOP) return TrapReply::result(0);
    if (found.error < 0) return TrapReply::result(found.error);
    FileFacts facts;
    const int seen = FileOwners::look_at(found.fd.get(), facts);
    if (seen < 0) return TrapReply::result(seen);
    if (processes_.is_process_file(facts)) return TrapReply::result(-EPERM);
    const FileOwner old = owners_.of(found.fd.get(), facts);
    if (!may_change(identities_.current(process).who, old, uid, gid))
        return TrapReply::result(-EPERM);
    FileOwner next = old;
    if (uid != kKeepId) next.uid = uid;
    if (gid != kKeepId) next.gid = gid;
    if (!process.is_waiting()) return TrapReply::result(-ESRCH);
    const int rc = next == old ? 0 : owners_.remember(found.fd.get(), facts, next);
    if (rc == 0) clear_id_bits(found.fd.get(), facts.mode);
    return TrapReply::result(rc);
}

std::optional<FileOwner> OwnerCalls::shown_owner(int fd) const {
    if (const auto marked = owners_.try_quickly(fd)) {
        if (*marked == FileOwner{}) return std::nullopt;
        return marked;
    }
    FileFacts facts;
    if (FileOwners::look_at(fd, facts) < 0) return std::nullopt;
    const FileOwner owner = processes_.is_process_file(facts)
                                ? processes_.of(fd).value_or(FileOwner{})
                                : owners_.of(fd, facts);
    // The kernel shows root by itself.
    if (owner == FileOwner{}) return std::nullopt;
    return owner;
}

TrapReply OwnerCalls::show(const TrappedProcess& process, Target target, unsigned buffer) {
    const FoundFile found = find_shown(process, std::move(target));
    if (!found.fd) return TrapReply::kernel();
    const std::optional<FileOwner> owner = shown_owner(found.fd.get());
    struct stat info {};
    if (!owner || raw::call(SYS_newfstatat, found.fd.get(), raw::ptr(""), raw::ptr(&info),
                            AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0) {
        return TrapReply::kernel();
    }
    last_shown_to_ = process.pid();
    info.st_uid = owner->uid;
    info.st_gid = owner->gid;
    if (owner->device != 0) {
        info.st_mode = owner->device | (info.st_mode & 07777);
        info.st_rdev = makedev(owner->device_major, owner->device_minor);
    }
    if (process.call().is_native()) {
        return TrapReply::result(process.write(process.argument(buffer), &info, sizeof info));
    }
    const auto compat = to_compat_stat(info);
    return TrapReply::result(process.write(process.argument(buffer), compat.data(), compat.size()));
}

TrapReply OwnerCalls::show_extended(const TrappedProcess& process) {
    const int flags = process.int_argument(2);
    const bool by_descriptor = (flags & AT_EMPTY_PATH) != 0 && process.argument(1) == 0;
    Target target{{process.int_argument(0),
                   {},
                   (flags & AT_SYMLINK_NOFOLLOW) == 0,
                   (flags & AT_EMPTY_PATH) != 0},
                  by_descriptor ? 0 : process.argument(1)};
    const FoundFile found = find_shown(process, std::move(target));
    if (!found.fd) return TrapReply::kernel();
    const std::optional<FileOwner> owner = shown_owner(found.fd.get());
    struct statx info {};
    constexpr int kSync = AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC;
    if (!owner || raw::call(SYS_statx, found.fd.get(), raw::ptr(""),
                            AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | (flags & kSync),
                            static_cast<long>(process.id_argument(3)), raw::ptr(&info)) < 0) {
        return TrapReply::kernel();
    }
    last_shown_to_ = process.pid();
    info.stx_uid = owner->uid;
    info.stx_gid = owner->gid;
    if (owner->device != 0) {
        info.stx_mode = static_cast<__u16>(owner->device | (info.stx_mode & 07777));
        info.stx_rdev_major = owner->device_major;
        info.stx_rdev_minor = owner->device_minor;
    }
    return TrapReply::result(process.write(process.argument(4), &info, sizeof info));
}

std::optional<TrapReply> OwnerCalls::try_change(const TrappedProcess& process) {
    const int first = process.int_argument(0);
    switch (process.call().number) {
        case SYS_fchown:
            return change_owner(process, {{first, {}, true, true}, 0}, 1);
#ifdef SYS_chown
        case SYS_chown:
            return change_owner(process, {{AT_FDCWD, {}, true, false}, process.argument(0)}, 1);
        case SYS_lchown:
            return change_owner(process, {{AT_FDCWD, {}, false, false}, process.argument(0)}, 1);
#endif
        case SYS_fchownat: {
            const int flags = process.int_argument(4);
            if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) {
                return TrapReply::result(-EINVAL);
            }
            return change_owner(
                process,
                {{first, {}, (flags & AT_SYMLINK_NOFOLLOW) == 0, (flags & AT_EMPTY_PATH) != 0},
                 process.argument(1)},
                2);
        }
        default:
            return std::nullopt;
    }
}

std::optional<TrapReply> OwnerCalls::try_show(const TrappedProcess& process) {
    const int first = process.int_argument(0);
    switch (process.call().number) {
        case SYS_fstat:
            return show(process, {{first, {}, true, true}, 0}, 1);
#ifdef SYS_stat
        case SYS_stat:
            return show(process, {{AT_FDCWD, {}, true, false}, process.argument(0)}, 1);
        case SYS_lstat:
            return show(process, {{AT_FDCWD, {}, false, false}, process.argument(0)}, 1);
#endif
        case SYS_newfstatat: {
            const int flags = process.int_argument(3);
            const bool by_descriptor = (flags & AT_EMPTY_PATH) != 0 && process.argument(1) == 0;
            return show(
                process,
                {{first, {}, (flags & AT_SYMLINK_NOFOLLOW) == 0, (flags & AT_EMPTY_PATH) != 0},
                 by_descriptor ? 0 : process.argument(1)},
                2);
        }
        case SYS_statx:
            return show_extended(process);
        default:
            return std::nullopt;
    }
}

std::optional<TrapReply> OwnerCalls::try_answer(const TrappedProcess& process) {
    if (auto reply = try_change(process)) return reply;
    return try_show(process);
}

}  // namespace sandbox::engine
