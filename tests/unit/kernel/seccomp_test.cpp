#include <linux/audit.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "bpf_machine.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/kernel/seccomp.hpp"
#include "seccomp_compact.hpp"

using namespace sandbox;
using kernel::SeccompOptions;
using test::call_of;
using test::run_bpf;

#if defined(__x86_64__)
namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t error(int number) {
    return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number);
}
constexpr std::uint32_t k64 = AUDIT_ARCH_X86_64, k32 = AUDIT_ARCH_I386, kX32 = 0x40000000;

SeccompOptions standard() {
    SeccompOptions options;
    options.capabilities = kernel::default_capabilities();
    return options;
}
const kernel::BpfProgram& standard_program() {
    static const kernel::BpfProgram program = kernel::default_seccomp(standard(), -1);
    return program;
}
std::uint32_t ask(std::uint32_t arch, std::uint32_t number,
                  std::initializer_list<std::uint64_t> arguments = {}) {
    return run_bpf(standard_program(), call_of(arch, number, arguments));
}

}  // namespace

TEST_CASE("the default policy fits into the kernel's limit by far") {
    INFO(standard_program().size());
    CHECK(standard_program().size() < 1200);
}

TEST_CASE("ordinary calls are allowed on every architecture of programs") {
    for (const long number : {SYS_read, SYS_openat, SYS_execve, SYS_mmap, SYS_futex, SYS_ptrace,
                              SYS_mknodat, SYS_setuid, SYS_chown, SYS_capset, SYS_seccomp}) {
        CHECK(ask(k64, static_cast<std::uint32_t>(number)) == kAllow);
    }
    CHECK(ask(k32, 3) == kAllow);           // read
    CHECK(ask(k32, 11) == kAllow);          // execve
    CHECK(ask(k64, kX32 + 0) == kAllow);    // read
    CHECK(ask(k64, kX32 + 520) == kAllow);  // execve
}

TEST_CASE("what is always off answers EPERM, and what is newer than the policy ENOSYS") {
    for (const long number : {425L /* io_uring_setup */,
                              426L,
                              427L,
                              long{SYS_bpf},
                              long{SYS_perf_event_open},
                              long{SYS_userfaultfd},
                              long{SYS_keyctl},
                              long{SYS_add_key},
                              long{SYS_request_key},
                              long{SYS_kexec_load},
                              long{SYS_kexec_file_load},
                              long{SYS_init_module},
                              long{SYS_finit_module},
                              long{SYS_delete_module},
                              long{SYS_open_by_handle_at},
                              long{SYS_mount},
                              long{SYS_umount2},
                              long{SYS_pivot_root},
                              long{SYS_unshare},
                              long{SYS_setns},
                              long{SYS_swapon},
                              long{SYS_acct},
                              428L /* open_tree */,
                              429L /* move_mount */,
                              430L /* fsopen */,
                              442L /* mount_setattr */,
                              long{SYS_reboot},
                              long{SYS_settimeofday},
                              long{SYS_quotactl},
                              long{SYS_syslog}}) {
        INFO(number);
        CHECK(ask(k64, static_cast<std::uint32_t>(number)) == error(EPERM));
    }
    CHECK(ask(k64, 435) == error(ENOSYS));  // clone3
    CHECK(ask(k64, 999) == error(ENOSYS));
    CHECK(ask(k64, kX32 + 999) == error(ENOSYS));
    CHECK(ask(k32, 999) == error(ENOSYS));
    CHECK(ask(k32, 21) == error(EPERM));   // mount
    CHECK(ask(k32, 310) == error(EPERM));  // unshare
}

TEST_CASE("clone makes threads and processes, but no namespaces") {
    CHECK(ask(k64, SYS_clone, {0x01200011}) == kAllow);
    CHECK(ask(k64, SYS_clone, {0x003d0f00}) == kAllow);
    for (const std::uint64_t flag : {0x00020000u, 0x02000000u, 0x04000000u, 0x08000000u,
                                     0x10000000u, 0x20000000u, 0x40000000u}) {
        CHECK(ask(k64, SYS_clone, {flag | 17}) == error(EPERM));
        CHECK(ask(k64, SYS_clone, {(1ull << 40) | flag}) == error(EPERM));
        CHECK(ask(k32, 120, {flag | 17}) == error(EPERM));
    }
    CHECK(ask(k64, SYS_clone, {0x7e020000}) != kAllow);
}

TEST_CASE("a high bit in an int argument does not open a closed socket family or ioctl") {
    for (const std::uint64_t high : {0ull, 1ull << 32, 0xffffffffull << 32}) {
        for (const std::uint64_t family : {38u, 40u}) {
            CHECK(ask(k64, SYS_socket, {high | family, 5, 0}) == error(EAFNOSUPPORT));
            CHECK(ask(k64, kX32 + 41, {high | family, 5, 0}) == error(EAFNOSUPPORT));
            CHECK(ask(k32, 359, {high | family, 5, 0}) == error(EAFNOSUPPORT));
        }
        for (const std::uint64_t request : {0x5412u, 0x541cu}) {
            CHECK(ask(k64, SYS_ioctl, {0, high | request, 0}) == error(EPERM));
            CHECK(ask(k64, kX32 + 514, {0, high | request, 0}) == error(EPERM));
            CHECK(ask(k32, 54, {0, high | request, 0}) == error(EPERM));
        }
        CHECK(ask(k64, SYS_socket, {high | 2, 1, 0}) == kAllow);
        CHECK(ask(k64, SYS_ioctl, {0, high | 0x5401, 0}) == kAllow);
    }
    for (std::uint64_t family = 0; family < 60; ++family) {
        if (family == 38 || family == 40) continue;
        CHECK(ask(k64, SYS_socket, {family, 1, 0}) == kAllow);
    }
}

TEST_CASE("socketcall is absent for 32-bit programs unless it is asked for") {
    CHECK(ask(k32, 102, {1}) == error(ENOSYS));
    SeccompOptions options = standard();
    options.compat32 = true;
    const kernel::BpfProgram program = kernel::default_seccomp(options, -1);
    CHECK(run_bpf(program, call_of(k32, 102, {1})) == kAllow);
}

TEST_CASE("capabilities open what belongs to them, as docker does it") {
    SeccompOptions options = standard();
    options.capabilities |= 1ull << CAP_SYS_ADMIN;
    const kernel::BpfProgram program = kernel::default_seccomp(options, -1);
    CHECK(run_bpf(program, call_of(k64, SYS_mount)) == kAllow);
    CHECK(run_bpf(program, call_of(k64, SYS_unshare)) == kAllow);
    CHECK(run_bpf(program, call_of(k64, SYS_clone, {0x10000000})) == kAllow);
    CHECK(run_bpf(program, call_of(k64, SYS_init_module)) == error(EPERM));
    CHECK(ask(k64, SYS_chroot) == kAllow);
    options.capabilities = 0;
    CHECK(run_bpf(kernel::default_seccomp(options, -1), call_of(k64, SYS_chroot)) == error(EPERM));
}

TEST_CASE("with one id, what needs more ids answers as if it had worked") {
    SeccompOptions options = standard();
    options.fake_identity = true;
    for (const kernel::BpfProgram& program :
         {kernel::default_seccomp(options, -1), kernel::identity_only_seccomp(options, -1)}) {
        for (const long number : {SYS_chown, SYS_fchown, SYS_lchown, SYS_fchownat, SYS_setuid,
                                  SYS_setgid, SYS_setgroups, SYS_setresuid, SYS_setfsgid}) {
            CHECK(run_bpf(program, call_of(k64, static_cast<std::uint32_t>(number))) == error(0));
        }
        CHECK(run_bpf(program, call_of(k32, 212)) == error(0));  // chown32
        CHECK(run_bpf(program, call_of(k64, SYS_mknod, {0, S_IFCHR | 0600})) == error(0));
        CHECK(run_bpf(program, call_of(k64, SYS_mknod, {0, S_IFBLK | 0600})) == error(0));
        CHECK(run_bpf(program, call_of(k64, SYS_mknod, {0, S_IFIFO | 0600})) == kAllow);
        CHECK(run_bpf(program, call_of(k64, SYS_mknod, {0, 0600})) == kAllow);
        CHECK(run_bpf(program, call_of(k64, SYS_mknodat, {0, 0, S_IFCHR | 0600})) == error(0));
        CHECK(run_bpf(program, call_of(k64, SYS_read)) == kAllow);
    }
    CHECK(ask(k64, SYS_chown) == kAllow);
}

TEST_CASE("a compacted program gives the same answers") {
    // A program of the shape that compilers of such policies make: comparisons one after the other,
    // one rule with a masked argument, an early answer for a foreign architecture.
    const kernel::BpfProgram plain{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 3, 9, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 8, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 7, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 6, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 8, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 9, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 10, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 20, 2, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x30, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 2),
    };
    const kernel::BpfProgram shorter = kernel::compact(plain);
    CHECK(shorter.size() < plain.size());
    for (const std::uint32_t arch : {k64, k32, 0u, 0xffffffffu}) {
        for (std::uint32_t number = 0; number < 40; ++number) {
            for (const std::uint64_t argument : {0x00u, 0x30u, 0x3fu, 0x130u, 0x40u}) {
                const seccomp_data data = call_of(arch, number, {argument});
                CHECK(run_bpf(shorter, data) == run_bpf(plain, data));
            }
        }
        CHECK(run_bpf(shorter, call_of(arch, 0xffffffff)) ==
              run_bpf(plain, call_of(arch, 0xffffffff)));
    }
}

TEST_CASE("a compacted program gives the same answers however long it is") {
    // A thousand numbers with answers of three kinds in no order, one kind looking at an argument:
    // jumps that do not reach, answers shared from far away, runs and single numbers.
    std::uint32_t state = 12345;
    const auto next = [&](std::uint32_t below) {
        state = state * 1664525 + 1013904223;
        return (state >> 16) % below;
    };
    kernel::BpfProgram plain{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
    constexpr std::uint32_t kNumbers = 1000;
    for (std::uint32_t number = 0; number < kNumbers; ++number) {
        if (next(3) == 0) continue;
        if (next(8) == 0) {
            plain.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4));
            plain.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16));
            plain.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, next(4), 0, 1));
            plain.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
            plain.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 7));
        } else {
            plain.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
            plain.push_back(BPF_STMT(
                BPF_RET | BPF_K, next(2) == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | next(300)));
        }
    }
    plain.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 38));
    const kernel::BpfProgram shorter = kernel::compact(plain);
    CHECK(shorter.size() < plain.size());
    std::uint32_t different = 0;
    for (std::uint32_t number = 0; number <= kNumbers; ++number) {
        for (std::uint64_t argument = 0; argument < 5; ++argument) {
            const seccomp_data data = call_of(k64, number, {argument});
            if (run_bpf(shorter, data) != run_bpf(plain, data)) ++different;
        }
    }
    CHECK(different == 0);
}

TEST_CASE("a program that looks at single bits of the number is left alone") {
    const kernel::BpfProgram odd{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
    };
    CHECK(kernel::compact(odd).size() == odd.size());
}

TEST_CASE("a compiled program is kept, and a damaged entry is compiled anew") {
    std::string pattern = "/tmp/seccomp-test.XXXXXX";
    const std::string directory = ::mkdtemp(pattern.data());
    const base::UniqueFd cache = base::open_dir(directory);
    const kernel::BpfProgram first = kernel::default_seccomp(standard(), cache.get());
    const std::vector<std::string> names = base::list_dir(cache.get());
    REQUIRE(names.size() == 1);
    const std::string whole = base::read_file_at(cache.get(), names[0], 1u << 20);
    CHECK(kernel::default_seccomp(standard(), cache.get()).size() == first.size());
    for (std::string damaged :
         {std::string(), whole.substr(0, whole.size() - 3), std::string(whole.size(), 'x')}) {
        base::write_file_atomic(cache.get(), names[0], damaged, 0600,
                                base::Durability::volatile_data);
        CHECK(kernel::default_seccomp(standard(), cache.get()).size() == first.size());
        CHECK(base::read_file_at(cache.get(), names[0], 1u << 20) == whole);
    }
    std::string flipped = whole;
    flipped[flipped.size() - 5] = static_cast<char>(flipped[flipped.size() - 5] ^ 1);
    base::write_file_atomic(cache.get(), names[0], flipped, 0600, base::Durability::volatile_data);
    CHECK(run_bpf(kernel::default_seccomp(standard(), cache.get()), call_of(k64, SYS_mount)) ==
          error(EPERM));
    CHECK(base::read_file_at(cache.get(), names[0], 1u << 20) == whole);
    std::filesystem::remove_all(directory);
}

namespace {
kernel::BpfProgram from_profile(const std::string& text, SeccompOptions options = standard()) {
    return kernel::seccomp_from_profile(text, "profile.json", options, -1);
}
std::string failure(const std::string& text) {
    try {
        (void)from_profile(text);
    } catch (const base::UsageError& error) {
        CHECK(error.code() == 125);
        return error.message();
    }
    return "no error";
}
}  // namespace

TEST_CASE("a profile in docker's format is followed") {
    const kernel::BpfProgram program = from_profile(R"({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
        "syscalls": [
          {"names": ["read", "write", "no_such_call"], "action": "SCMP_ACT_ALLOW"},
          {"name": "mkdir", "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
          {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
           "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
          {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
           "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
                    {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
          {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
          {"names": ["umount2"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
          {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
          {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.0"}},
          {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64"]}},
          {"names": ["sync"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}}
        ]})");
    const auto says = [&](long number, std::initializer_list<std::uint64_t> arguments = {}) {
        return run_bpf(program, call_of(k64, static_cast<std::uint32_t>(number), arguments));
    };
    CHECK(says(SYS_read) == kAllow);
    CHECK(says(SYS_mkdir) == error(13));
    CHECK(says(SYS_open) == error(38));
    CHECK(says(SYS_personality, {8}) == kAllow);
    CHECK(says(SYS_personality, {0}) == error(38));
    CHECK(says(SYS_socket, {1}) == kAllow);
    CHECK(says(SYS_socket, {2}) == kAllow);
    CHECK(says(SYS_socket, {3}) == error(38));
    CHECK(says(SYS_mount) == error(38));
    CHECK(says(SYS_umount2) == kAllow);
    CHECK(says(SYS_ptrace) == kAllow);
    CHECK(says(SYS_bpf) == error(38));
    CHECK(says(SYS_arch_prctl) == kAllow);
    CHECK(says(SYS_sync) == error(38));
    CHECK(run_bpf(program, call_of(k32, 3)) == kAllow);
}

TEST_CASE("a profile that is wrong is refused with the field that is wrong") {
    CHECK(failure("nonsense").find("seccomp profile \"profile.json\": bad json") == 0);
    CHECK(failure("[]").find("the document is not an object") != std::string::npos);
    CHECK(failure("{}").find("\"defaultAction\" is not a string") != std::string::npos);
    CHECK(failure(R"({"defaultAction":"SCMP_ACT_WISH"})").find("SCMP_ACT_WISH") !=
          std::string::npos);
    CHECK(failure(R"({"defaultAction":"SCMP_ACT_ALLOW","sycalls":[]})").find("\"sycalls\"") !=
          std::string::npos);
    CHECK(failure(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],
        "action":"SCMP_ACT_ALLOW","args":[{"index":9,"value":0,"op":"SCMP_CMP_EQ"}]}]})")
              .find("\"syscalls\"[0].args[0].index") != std::string::npos);
    CHECK(failure(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],
        "action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_FLY"]}}]})")
              .find("CAP_FLY") != std::string::npos);
}
#endif
