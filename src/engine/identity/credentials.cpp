#include "engine/identity/credentials.hpp"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>

namespace sandbox::engine {
namespace {

constexpr std::uint32_t kNoId = 0xffffffff;
constexpr size_t kMaxGroups = 65536;  // NGROUPS_MAX, linux/limits.h
constexpr CapabilitySet bit(int capability) noexcept {
    return CapabilitySet{1} << capability;
}
// What goes and comes with the file system id: capabilities(7), "Effect of user ID changes".
constexpr CapabilitySet kFileCapabilities =
    bit(CAP_CHOWN) | bit(CAP_MKNOD) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) |
    bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_LINUX_IMMUTABLE) | bit(CAP_MAC_OVERRIDE);

static_assert(kKeepCapabilities == SECBIT_KEEP_CAPS);

bool is_one_of(std::uint32_t id, std::initializer_list<std::uint32_t> ids) noexcept {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

void adjust_capabilities(Credentials& who, const IdSet& old) noexcept {
    if ((who.securebits & SECBIT_NO_SETUID_FIXUP) != 0) return;
    const bool was_root = is_one_of(0, {old.real, old.effective, old.saved});
    const bool is_root = is_one_of(0, {who.user.real, who.user.effective, who.user.saved});
    if (was_root && !is_root) {
        if ((who.securebits & kKeepCapabilities) == 0) who.permitted = who.effective = 0;
        who.ambient = 0;
    }
    if (old.effective == 0 && who.user.effective != 0) who.effective = 0;
    if (old.effective != 0 && who.user.effective == 0) who.effective = who.permitted;
}

int set_both(IdSet& ids, bool privileged, std::uint32_t real, std::uint32_t effective) noexcept {
    const IdSet old = ids;
    if (real != kKeepId && !privileged && !is_one_of(real, {old.real, old.effective})) {
        return -EPERM;
    }
    if (effective != kKeepId && !privileged &&
        !is_one_of(effective, {old.real, old.effective, old.saved})) {
        return -EPERM;
    }
    if (real != kKeepId) ids.real = real;
    if (effective != kKeepId) ids.effective = effective;
    if (real != kKeepId || (effective != kKeepId && effective != old.real)) {
        ids.saved = ids.effective;
    }
    ids.file_system = ids.effective;
    return 0;
}

int set_three(IdSet& ids, bool privileged, std::uint32_t real, std::uint32_t effective,
              std::uint32_t saved) noexcept {
    for (const std::uint32_t id : {real, effective, saved}) {
        if (id != kKeepId && !privileged && !is_one_of(id, {ids.real, ids.effective, ids.saved})) {
            return -EPERM;
        }
    }
    if (real != kKeepId) ids.real = real;
    if (effective != kKeepId) ids.effective = effective;
    if (saved != kKeepId) ids.saved = saved;
    ids.file_system = ids.effective;
    return 0;
}

int set_one(IdSet& ids, bool privileged, std::uint32_t id) noexcept {
    if (id == kNoId) return -EINVAL;
    if (privileged) {
        ids = IdSet::all(id);
        return 0;
    }
    if (!is_one_of(id, {ids.real, ids.saved})) return -EPERM;
    ids.effective = ids.file_system = id;
    return 0;
}

bool may_set_file_system_id(const IdSet& ids, bool privileged, std::uint32_t id) noexcept {
    return id != kNoId &&
           (privileged || is_one_of(id, {ids.real, ids.effective, ids.saved, ids.file_system}));
}

}  // namespace

bool Credentials::has(int capability) const noexcept {
    return (effective & bit(capability)) != 0;
}

bool Credentials::in_group(std::uint32_t gid) const noexcept {
    return gid == group.file_system || std::find(groups.begin(), groups.end(), gid) != groups.end();
}

Credentials initial_credentials(std::uint32_t uid, std::uint32_t gid,
                                std::vector<std::uint32_t> groups, CapabilitySet bounding,
                                bool no_new_privileges) {
    Credentials who;
    who.user = IdSet::all(uid);
    who.group = IdSet::all(gid);
    who.groups = std::move(groups);
    std::sort(who.groups.begin(), who.groups.end());
    who.bounding = bounding;
    if (uid == 0) who.permitted = who.effective = bounding;
    who.no_new_privileges = no_new_privileges;
    return who;
}

int set_uid(Credentials& who, std::uint32_t uid) {
    const IdSet old = who.user;
    const int rc = set_one(who.user, who.has(CAP_SETUID), uid);
    if (rc == 0) adjust_capabilities(who, old);
    return rc;
}

int set_gid(Credentials& who, std::uint32_t gid) {
    return set_one(who.group, who.has(CAP_SETGID), gid);
}

int set_reuid(Credentials& who, std::uint32_t real, std::uint32_t effective) {
    const IdSet old = who.user;
    const int rc = set_both(who.user, who.has(CAP_SETUID), real, effective);
    if (rc == 0) adjust_capabilities(who, old);
    return rc;
}

int set_regid(Credentials& who, std::uint32_t real, std::uint32_t effective) {
    return set_both(who.group, who.has(CAP_SETGID), real, effective);
}

int set_resuid(Credentials& who, std::uint32_t real, std::uint32_t effective, std::uint32_t saved) {
    const IdSet old = who.user;
    const int rc = set_three(who.user, who.has(CAP_SETUID), real, effective, saved);
    if (rc == 0) adjust_capabilities(who, old);
    return rc;
}

int set_resgid(Credentials& who, std::uint32_t real, std::uint32_t effective, std::uint32_t saved) {
    return set_three(who.group, who.has(CAP_SETGID), real, effective, saved);
}

std::uint32_t set_fsuid(Credentials& who, std::uint32_t uid) {
    const std::uint32_t old = who.user.file_system;
    if (!may_set_file_system_id(who.user, who.has(CAP_SETUID), uid)) return old;
    who.user.file_system = uid;
    if ((who.securebits & SECBIT_NO_SETUID_FIXUP) != 0) return old;
    if (old == 0 && uid != 0) who.effective &= ~kFileCapabilities;
    if (old != 0 && uid == 0) who.effective |= who.permitted & kFileCapabilities;
    return old;
}

std::uint32_t set_fsgid(Credentials& who, std::uint32_t gid) {
    const std::uint32_t old = who.group.file_system;
    if (may_set_file_system_id(who.group, who.has(CAP_SETGID), gid)) who.group.file_system = gid;
    return old;
}

int set_groups(Credentials& who, std::span<const std::uint32_t> groups) {
    if (!who.has(CAP_SETGID)) return -EPERM;
    if (groups.size() > kMaxGroups) return -EINVAL;
    if (std::find(groups.begin(), groups.end(), kNoId) != groups.end()) return -EINVAL;
    who.groups.assign(groups.begin(), groups.end());
    // As the kernel keeps and shows them.
    std::sort(who.groups.begin(), who.groups.end());
    return 0;
}

int set_capabilities(Credentials& who, CapabilitySet inheritable, CapabilitySet permitted,
                     CapabilitySet effective) {
    const auto within = [](CapabilitySet part, CapabilitySet whole) {
        return (part & ~whole) == 0;
    };
    if (!who.has(CAP_SETPCAP) && !within(inheritable, who.inheritable | who.permitted)) {
        return -EPERM;
    }
    if (!within(inheritable, who.inheritable | who.bounding)) return -EPERM;
    if (!within(permitted, who.permitted) || !within(effective, permitted)) return -EPERM;
    who.inheritable = inheritable;
    who.permitted = permitted;
    who.effective = effective;
    who.ambient &= permitted & inheritable;
    return 0;
}

int set_keep_capabilities(Credentials& who, std::uint64_t value) {
    if (value > 1) return -EINVAL;
    if ((who.securebits & SECBIT_KEEP_CAPS_LOCKED) != 0) return -EPERM;
    who.securebits &= ~kKeepCapabilities;
    if (value != 0) who.securebits |= kKeepCapabilities;
    return 0;
}

int set_securebits(Credentials& who, std::uint64_t bits) {
    constexpr std::uint32_t kLocks = SECURE_ALL_LOCKS;
    const std::uint32_t old = who.securebits;
    const bool changes_locked = (((old & kLocks) >> 1) & (old ^ bits)) != 0;
    const bool unlocks = (old & kLocks & ~bits) != 0;
    const bool unknown = (bits & ~std::uint64_t{SECURE_ALL_LOCKS | SECURE_ALL_BITS}) != 0;
    if (changes_locked || unlocks || unknown || !who.has(CAP_SETPCAP)) return -EPERM;
    who.securebits = static_cast<std::uint32_t>(bits);
    return 0;
}

int change_ambient(Credentials& who, std::uint64_t command, std::uint64_t capability) {
    if (command == PR_CAP_AMBIENT_CLEAR_ALL) {
        if (capability != 0) return -EINVAL;
        who.ambient = 0;
        return 0;
    }
    if (capability > CAP_LAST_CAP) return -EINVAL;
    const CapabilitySet mask = bit(static_cast<int>(capability));
    switch (command) {
        case PR_CAP_AMBIENT_IS_SET:
            return (who.ambient & mask) != 0 ? 1 : 0;
        case PR_CAP_AMBIENT_LOWER:
            who.ambient &= ~mask;
            return 0;
        case PR_CAP_AMBIENT_RAISE:
            if ((who.permitted & who.inheritable & mask) == 0 ||
                (who.securebits & SECBIT_NO_CAP_AMBIENT_RAISE) != 0) {
                return -EPERM;
            }
            who.ambient |= mask;
            return 0;
        default:
            return -EINVAL;
    }
}

void execute(Credentials& who, const ProgramFile& file) {
    const IdSet old_user = who.user;
    const IdSet old_group = who.group;
    constexpr mode_t kGroupBits = S_ISGID | S_IXGRP;
    if (!who.no_new_privileges) {
        if ((file.mode & S_ISUID) != 0) who.user.effective = file.uid;
        if ((file.mode & kGroupBits) == kGroupBits) who.group.effective = file.gid;
    }
    who.user.saved = who.user.file_system = who.user.effective;
    who.group.saved = who.group.file_system = who.group.effective;
    const bool of_file = file.has_capabilities && !who.no_new_privileges;
    if (of_file || old_user.effective != who.user.effective ||
        old_group.effective != who.group.effective) {
        who.ambient = 0;
    }
    // capabilities(7), "Capabilities and execution of programs by root", and there
    // "Set-user-ID-root programs that have file capabilities".
    const bool honours_root = (who.securebits & SECBIT_NOROOT) == 0;
    const bool by_root = who.user.real == 0 || (who.user.effective == 0 && !of_file);
    if (honours_root && by_root) {
        who.permitted = who.inheritable | who.bounding;
        who.effective = who.user.effective == 0 ? who.permitted : 0;
    } else if (of_file) {
        who.permitted = (who.inheritable & file.inheritable) | (file.permitted & who.bounding);
        who.effective = file.raises ? who.permitted : 0;
    } else {
        who.permitted = who.effective = who.ambient;
    }
    who.securebits &= ~kKeepCapabilities;
}

}  // namespace sandbox::engine
