// The filter of emulated identities, written by hand: it is the same for every container, so
// compiling a policy would only cost time at each start. What depends on an argument comes first,
// since the kernel remembers by number only what is always allowed (seccomp(2), since Linux 5.11).
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <initializer_list>
#include <span>

#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"

namespace sandbox::kernel {
namespace {

constexpr std::uint32_t kTrap = SECCOMP_RET_USER_NOTIF;

// Always trapped.
constexpr long kTrapped[] = {
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getresuid,
    SYS_getresgid,
    SYS_getgroups,
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_setgroups,
    SYS_capget,
    SYS_capset,
    SYS_fchown,
    SYS_fchownat,
    SYS_statx,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_symlinkat,
    SYS_renameat2,
    SYS_linkat,
    SYS_bind,
    SYS_chroot,
    base::raw::kSysOpenat2,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_open
    SYS_chown,
    SYS_lchown,
    SYS_stat,
    SYS_lstat,
    SYS_creat,
    SYS_mkdir,
    SYS_mknod,
    SYS_symlink,
    SYS_rename,
    SYS_link,
#endif
};

// 32-bit programs. Refused: what has no native equal (lists of ids of 16 bits).
#if defined(__x86_64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_X86_64, kOtherArch = AUDIT_ARCH_I386;
constexpr int kOtherTrapped[] = {
    8,   9,   14,  16,  23,  24,  38,  39,  46,  47,  49,  50,  61,  70,  71,  83,  95,  138, 139,
    164, 170, 182, 184, 185, 195, 196, 197, 198, 199, 200, 201, 202, 203, 204, 205, 206, 207, 208,
    209, 210, 211, 212, 213, 214, 215, 216, 296, 297, 298, 300, 302, 303, 304, 353, 361, 383, 437};
constexpr int kOtherRefused[] = {80, 81, 165, 171};
#elif defined(__aarch64__)
// What changes identities or owners is refused; the rest tells the truth.
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_AARCH64, kOtherArch = AUDIT_ARCH_ARM;
constexpr int kOtherRefused[] = {16,  23,  46,  70,  71,  75,  81,  95,  138,
                                 139, 164, 170, 182, 198, 203, 204, 206, 207,
                                 208, 210, 212, 213, 214, 215, 216, 325, 369};
#endif

sock_filter load(std::size_t offset) {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
// Little-endian: the low word comes first, and is all that the kernel looks at of an int.
sock_filter load_argument(unsigned index) {
    return load(offsetof(seccomp_data, args) + index * sizeof(__u64));
}
sock_filter give(std::uint32_t action) {
    return BPF_STMT(BPF_RET | BPF_K, action);
}
sock_filter test(unsigned kind, std::uint32_t value, std::size_t then, std::size_t otherwise) {
    return BPF_JUMP(static_cast<__u16>(BPF_JMP | kind | BPF_K), value, static_cast<__u8>(then),
                    static_cast<__u8>(otherwise));
}

// nr is loaded: for `number` the block decides, all of it; others go on behind it.
void add_case(BpfProgram& program, int number, std::initializer_list<sock_filter> block) {
    program.push_back(test(BPF_JEQ, static_cast<std::uint32_t>(number), 0, block.size()));
    program.insert(program.end(), block);
}

void add_value_case(BpfProgram& program, int number, unsigned index,
                    std::initializer_list<std::uint32_t> values) {
    program.push_back(test(BPF_JEQ, static_cast<std::uint32_t>(number), 0, values.size() + 3));
    program.push_back(load_argument(index));
    std::size_t left = values.size();
    for (const std::uint32_t value : values) program.push_back(test(BPF_JEQ, value, left--, 0));
    program.push_back(give(SECCOMP_RET_ALLOW));
    program.push_back(give(kTrap));
}

// Of the calls that open files those that may make one.
void add_open_case(BpfProgram& program, int number, unsigned flags_index) {
    add_case(program, number,
             {load_argument(flags_index), test(BPF_JSET, O_CREAT, 1, 0), give(SECCOMP_RET_ALLOW),
              give(kTrap)});
}

void add_peer_case(BpfProgram& program, int number) {
    add_case(program, number,
             {load_argument(1), test(BPF_JEQ, SOL_SOCKET, 0, 2), load_argument(2),
              test(BPF_JEQ, SO_PEERCRED, 1, 0), give(SECCOMP_RET_ALLOW), give(kTrap)});
}

// What of prctl(2) is about capabilities.
void add_identity_control(BpfProgram& program, int number) {
    add_value_case(program, number, 0,
                   {PR_GET_KEEPCAPS, PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_GET_SECUREBITS,
                    PR_SET_SECUREBITS, PR_CAP_AMBIENT});
}

BpfProgram native_part() {
    BpfProgram code{load(offsetof(seccomp_data, nr))};
    add_open_case(code, SYS_openat, 2);
#ifdef SYS_open
    add_open_case(code, SYS_open, 1);
#endif
    add_case(code, SYS_newfstatat,
             {load_argument(3), test(BPF_JSET, AT_EMPTY_PATH, 0, 2), load_argument(0),
              test(BPF_JGE, kFirstUntrappedFstat, 1, 0), give(kTrap), give(SECCOMP_RET_ALLOW)});
    add_case(code, SYS_fstat,
             {load_argument(0), test(BPF_JGE, kFirstUntrappedFstat, 1, 0), give(kTrap),
              give(SECCOMP_RET_ALLOW)});
    add_peer_case(code, SYS_getsockopt);
    add_identity_control(code, SYS_prctl);
    // The soft limit that nobody counts is where identities are kept (engine/identity).
    add_value_case(code, SYS_prlimit64, 1, {RLIMIT_LOCKS});
#ifdef SYS_getrlimit
    add_value_case(code, SYS_getrlimit, 0, {RLIMIT_LOCKS});
    add_value_case(code, SYS_setrlimit, 0, {RLIMIT_LOCKS});
#endif
    for (const long number : kTrapped) {
        code.push_back(test(BPF_JEQ, static_cast<std::uint32_t>(number), 0, 1));
        code.push_back(give(kTrap));
    }
    code.push_back(give(SECCOMP_RET_ALLOW));
    return code;
}

void add_list(BpfProgram& code, std::span<const int> numbers, std::uint32_t action) {
    for (const int number : numbers) {
        code.push_back(test(BPF_JEQ, static_cast<std::uint32_t>(number), 0, 1));
        code.push_back(give(action));
    }
}

BpfProgram other_part() {
    BpfProgram code{load(offsetof(seccomp_data, nr))};
#if defined(__x86_64__)
    add_open_case(code, 5, 1);
    add_open_case(code, 295, 2);
    add_value_case(code, 75, 0, {RLIMIT_LOCKS});
    add_identity_control(code, 172);
    add_value_case(code, 340, 1, {RLIMIT_LOCKS});
    add_peer_case(code, 365);
    add_list(code, kOtherTrapped, kTrap);
#endif
    add_list(code, kOtherRefused, SECCOMP_RET_ERRNO | EPERM);
    code.push_back(give(SECCOMP_RET_ALLOW));
    return code;
}

BpfProgram make_traps() {
    const BpfProgram native = native_part();
    BpfProgram program{load(offsetof(seccomp_data, arch)), test(BPF_JEQ, kNativeArch, 1, 0),
                       BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(native.size()))};
    program.insert(program.end(), native.begin(), native.end());
    program.push_back(test(BPF_JEQ, kOtherArch, 1, 0));
    program.push_back(give(SECCOMP_RET_ALLOW));
    const BpfProgram other = other_part();
    program.insert(program.end(), other.begin(), other.end());
    return program;
}

}  // namespace

const BpfProgram& identity_traps() {
    static const BpfProgram program = make_traps();
    return program;
}

}  // namespace sandbox::kernel
