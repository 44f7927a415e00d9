#include <fcntl.h>
#include <linux/audit.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "bpf_machine.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"

namespace kernel = sandbox::kernel;
using sandbox::test::call_of;
using sandbox::test::run_bpf;

#if defined(__x86_64__)
namespace {

constexpr std::uint32_t k64 = AUDIT_ARCH_X86_64, k32 = AUDIT_ARCH_I386;
constexpr std::uint32_t kTrap = SECCOMP_RET_USER_NOTIF, kAllow = SECCOMP_RET_ALLOW;

std::uint32_t ask(std::uint32_t arch, long number, std::initializer_list<std::uint64_t> args = {}) {
    return run_bpf(kernel::identity_traps(),
                   call_of(arch, static_cast<std::uint32_t>(number), args));
}

}  // namespace

TEST_CASE("what asks for an identity or changes one is trapped") {
    for (const long number : {SYS_getuid, SYS_geteuid, SYS_setuid, SYS_setgroups, SYS_setresgid,
                              SYS_chown, SYS_fchownat, SYS_capset, SYS_stat, SYS_statx}) {
        CHECK(ask(k64, number) == kTrap);
    }
    for (const long number : {SYS_read, SYS_openat, SYS_execve, SYS_clone, SYS_getpid, SYS_mmap}) {
        CHECK(ask(k64, number) == kAllow);
    }
}

TEST_CASE("a file asked for by a high descriptor is not trapped") {
    CHECK(ask(k64, SYS_newfstatat, {0xffffff9c, 1, 2, 0}) == kTrap);
    CHECK(ask(k64, SYS_newfstatat, {9, 1, 2, AT_SYMLINK_NOFOLLOW}) == kTrap);
    CHECK(ask(k64, SYS_newfstatat, {3, 1, 2, AT_EMPTY_PATH}) == kTrap);
    CHECK(ask(k64, SYS_newfstatat, {8, 1, 2, AT_EMPTY_PATH}) == kAllow);
    CHECK(ask(k64, SYS_fstat, {7, 1}) == kTrap);
    CHECK(ask(k64, SYS_fstat, {20, 1}) == kAllow);
}

TEST_CASE("of calls with many uses only those about identities are trapped") {
    CHECK(ask(k64, SYS_prctl, {PR_SET_KEEPCAPS, 1}) == kTrap);
    CHECK(ask(k64, SYS_prctl, {PR_CAP_AMBIENT, 1}) == kTrap);
    CHECK(ask(k64, SYS_prctl, {PR_SET_NAME, 1}) == kAllow);
    CHECK(ask(k64, SYS_prlimit64, {0, RLIMIT_LOCKS}) == kTrap);
    CHECK(ask(k64, SYS_prlimit64, {0, 0x100000000ull + RLIMIT_LOCKS}) == kTrap);
    CHECK(ask(k64, SYS_prlimit64, {0, RLIMIT_NOFILE}) == kAllow);
    CHECK(ask(k64, SYS_setrlimit, {RLIMIT_LOCKS}) == kTrap);
}

TEST_CASE("of a socket's options only its peer's identity is trapped") {
    CHECK(ask(k64, SYS_getsockopt, {3, SOL_SOCKET, SO_PEERCRED}) == kTrap);
    CHECK(ask(k64, SYS_getsockopt, {3, SOL_SOCKET, SO_ERROR}) == kAllow);
    CHECK(ask(k64, SYS_getsockopt, {3, 6, SO_PEERCRED}) == kAllow);
}

TEST_CASE("of what opens files only what may make one is trapped") {
    CHECK(ask(k64, SYS_openat, {3, 1, O_CREAT | O_WRONLY}) == kTrap);
    CHECK(ask(k64, SYS_openat, {3, 1, O_WRONLY | O_TRUNC | O_CLOEXEC}) == kAllow);
    CHECK(ask(k64, SYS_open, {1, O_CREAT | O_EXCL}) == kTrap);
    CHECK(ask(k64, SYS_open, {1, O_RDONLY}) == kAllow);
    for (const long number : {SYS_mkdir, SYS_mknodat, SYS_symlinkat, SYS_renameat2, SYS_link}) {
        CHECK(ask(k64, number) == kTrap);
    }
}

TEST_CASE("calls of 32-bit programs are trapped as well, or refused") {
    CHECK(ask(k32, 212) == kTrap);                       // chown32
    CHECK(ask(k32, 213) == kTrap);                       // setuid32
    CHECK(ask(k32, 199) == kTrap);                       // getuid32
    CHECK(ask(k32, 81) == (SECCOMP_RET_ERRNO | EPERM));  // setgroups
    CHECK(ask(k32, 75, {RLIMIT_LOCKS}) == kTrap);        // setrlimit
    CHECK(ask(k32, 75, {RLIMIT_CORE}) == kAllow);
    CHECK(ask(k32, 5, {1, O_CREAT}) == kTrap);  // open
    CHECK(ask(k32, 3) == kAllow);               // read
}
#endif
