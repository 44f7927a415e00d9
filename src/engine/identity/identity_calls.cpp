#include "engine/identity/identity_calls.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <vector>

namespace sandbox::engine {
namespace {

ProgramStamp stamp_of(const TrappedProcess& process, const struct stat& program) noexcept {
    return {program.st_dev, program.st_ino, process.stack_start()};
}

// Whether the exec of an ordinary program would change something.
bool depends_on_program(const Credentials& who) {
    Credentials after = who;
    execute(after, {0, 0, 0755});
    return after != who;
}

}  // namespace

int IdentityCalls::store(const TrappedProcess& process, Identity& identity, bool alone) {
    struct stat program {};
    identity.program = {};
    if (process.program(program) == 0 &&
        (!programs_.is_ordinary(process, program) || depends_on_program(identity.who))) {
        identity.program = stamp_of(process, program);
    }
    if (!process.is_waiting()) return -ESRCH;
    return alone ? table_.assign_thread(process.pid(), identity)
                 : table_.assign(process.pid(), identity);
}

int IdentityCalls::store_changed(const TrappedProcess& process, Identity& identity) {
    return store(process, identity, !process.is_first_thread());
}

int IdentityCalls::begin(const TrappedProcess& process, Identity identity) {
    return store(process, identity, false);
}

Identity IdentityCalls::current(const TrappedProcess& process) {
    const Identity& known = table_.of(process.pid());
    struct stat program {};
    if (process.program(program) < 0) return known;
    const bool same = known.program.any() ? programs_.is_ordinary(process, program)
                                          : known.program == stamp_of(process, program);
    if (same) return known;
    Identity next = known;
    execute(next.who, programs_.look_at(process, program));
    (void)store(process, next, table_.stands_alone(process.pid()));
    return next;
}

TrapReply IdentityCalls::change(const TrappedProcess& process, Change make) {
    Identity next = current(process);
    const int rc = make(next.who, process);
    if (rc < 0) return TrapReply::result(rc);
    const int stored = store_changed(process, next);
    return TrapReply::result(stored < 0 ? stored : rc);
}

TrapReply IdentityCalls::set_file_system_id(const TrappedProcess& process, bool group) {
    Identity next = current(process);
    const std::uint32_t id = process.id_argument(0);
    const std::uint32_t before = group ? set_fsgid(next.who, id) : set_fsuid(next.who, id);
    (void)store_changed(process, next);
    return TrapReply::result(before);
}

TrapReply IdentityCalls::set_groups(const TrappedProcess& process) {
    constexpr int kMaxGroups = 65536;
    Identity next = current(process);
    const int count = process.int_argument(0);
    if (!next.who.has(CAP_SETGID)) return TrapReply::result(-EPERM);
    if (count < 0 || count > kMaxGroups) return TrapReply::result(-EINVAL);
    std::vector<std::uint32_t> groups(static_cast<size_t>(count));
    if (count > 0) {
        const int rc =
            process.read(process.argument(1), groups.data(), groups.size() * sizeof groups[0]);
        if (rc < 0) return TrapReply::result(rc);
    }
    const int rc = engine::set_groups(next.who, groups);
    return TrapReply::result(rc < 0 ? rc : store_changed(process, next));
}

TrapReply IdentityCalls::get_groups(const TrappedProcess& process) {
    const Identity now = current(process);
    const std::vector<std::uint32_t>& groups = now.who.groups;
    const int room = process.int_argument(0);
    if (room < 0) return TrapReply::result(-EINVAL);
    if (room > 0 && static_cast<size_t>(room) < groups.size()) return TrapReply::result(-EINVAL);
    if (room > 0 && !groups.empty()) {
        const int rc =
            process.write(process.argument(1), groups.data(), groups.size() * sizeof groups[0]);
        if (rc < 0) return TrapReply::result(rc);
    }
    return TrapReply::result(static_cast<long>(groups.size()));
}

TrapReply IdentityCalls::get_three(const TrappedProcess& process, const IdSet& ids) {
    const std::array<std::uint32_t, 3> values{ids.real, ids.effective, ids.saved};
    for (unsigned i = 0; i < values.size(); ++i) {
        const int rc = process.write(process.argument(i), &values[i], sizeof values[i]);
        if (rc < 0) return TrapReply::result(rc);
    }
    return TrapReply::result(0);
}

std::optional<TrapReply> IdentityCalls::try_get(const TrappedProcess& process) {
    switch (process.call().number) {
        case SYS_getuid:
            return TrapReply::result(current(process).who.user.real);
        case SYS_geteuid:
            return TrapReply::result(current(process).who.user.effective);
        case SYS_getgid:
            return TrapReply::result(current(process).who.group.real);
        case SYS_getegid:
            return TrapReply::result(current(process).who.group.effective);
        case SYS_getresuid:
            return get_three(process, current(process).who.user);
        case SYS_getresgid:
            return get_three(process, current(process).who.group);
        case SYS_getgroups:
            return get_groups(process);
        default:
            return std::nullopt;
    }
}

std::optional<TrapReply> IdentityCalls::try_set(const TrappedProcess& process) {
    switch (process.call().number) {
        case SYS_setuid:
            return change(process, [](Credentials& who, const TrappedProcess& p) {
                return set_uid(who, p.id_argument(0));
            });
        case SYS_setgid:
            return change(process, [](Credentials& who, const TrappedProcess& p) {
                return set_gid(who, p.id_argument(0));
            });
        case SYS_setreuid:
            return change(process, [](Credentials& who, const TrappedProcess& p) {
                return set_reuid(who, p.id_argument(0), p.id_argument(1));
            });
        case SYS_setregid:
            return change(process, [](Credentials& who, const TrappedProcess& p) {
                return set_regid(who, p.id_argument(0), p.id_argument(1));
            });
        case SYS_setresuid:
            return change(process, [](Credentials& who, const TrappedProcess& p) {
                return set_resuid(who, p.id_argument(0), p.id_argument(1), p.id_argument(2));
            });
        case SYS_setresgid:
            return change(process, [](Credentials& who, const TrappedProcess& p) {
                return set_resgid(who, p.id_argument(0), p.id_argument(1), p.id_argument(2));
            });
        case SYS_setfsuid:
            return set_file_system_id(process, false);
        case SYS_setfsgid:
            return set_file_system_id(process, true);
        case SYS_setgroups:
            return set_groups(process);
        default:
            return std::nullopt;
    }
}

std::optional<TrapReply> IdentityCalls::try_answer(const TrappedProcess& process) {
    if (auto reply = try_get(process)) return reply;
    if (auto reply = try_set(process)) return reply;
    switch (process.call().number) {
        case SYS_capget:
            return get_capabilities(process);
        case SYS_capset:
            return set_capabilities(process);
        case SYS_prctl:
            return process_control(process);
        case SYS_chroot: {
            // Whether it works is the kernel's business: from now on the slower way is right, too.
            Identity next = current(process);
            next.own_root = true;
            (void)store_changed(process, next);
            return TrapReply::kernel();
        }
        default:
            return std::nullopt;
    }
}

}  // namespace sandbox::engine
