// Instructions in front of the compiled policy, for what is decided by an int argument. The kernel
// cuts such an argument to 32 bits, while comparisons in compiled rules are 64 bits wide: a caller
// could set a high bit and walk past a rule (socket(0x100000026) is AF_ALG all the same). Here only
// the low word is looked at, which is exactly what the kernel will see.
// A second reason: for 32-bit programs, an allowed `socket` brings an allowed `socketcall` with it.
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <cerrno>
#include <cstddef>
#include <optional>

#include "seccomp_policy.hpp"

namespace sandbox::kernel {
namespace {

constexpr std::uint32_t kTiocsti = 0x5412, kTioclinux = 0x541C;  // ioctl_tty(2)
constexpr std::uint32_t kAfAlg = 38, kAfVsock = 40;              // sys/socket.h
constexpr std::uint32_t kNone = 0xffffffff;

// Numbers of the calls, per architecture of the *calling program*: syscall tables of the kernel.
struct Numbers {
    std::uint32_t audit_arch;
    std::uint32_t ioctl, socket, socketcall;
    std::uint32_t ioctl_x32, socket_x32;  // x32 shares x86_64's audit architecture
};
#if defined(__x86_64__)
constexpr Numbers kNumbers[] = {
    {AUDIT_ARCH_X86_64, 16, 41, kNone, 0x40000000 + 514, 0x40000000 + 41},
    {AUDIT_ARCH_I386, 54, 359, 102, kNone, kNone}};
#elif defined(__aarch64__)
constexpr Numbers kNumbers[] = {{AUDIT_ARCH_AARCH64, 29, 198, kNone, kNone, kNone},
                                {AUDIT_ARCH_ARM, 54, 281, 102, kNone, kNone}};
#else
#error "the guard needs this architecture's system call numbers"
#endif

constexpr std::uint32_t kArchOffset = offsetof(seccomp_data, arch);
constexpr std::uint32_t kNumberOffset = offsetof(seccomp_data, nr);
// Little-endian: the low word comes first.
constexpr std::uint32_t argument_offset(unsigned index) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + index * sizeof(__u64));
}

sock_filter load(std::uint32_t offset) {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}
sock_filter answer(std::uint16_t error) {
    return BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
}
sock_filter if_equal(std::uint32_t value, size_t then, size_t otherwise) {
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, static_cast<__u8>(then),
                    static_cast<__u8>(otherwise));
}

// nr is loaded. When it is `number`: looks at one argument and answers `error` for two values of
// it; everything else goes on behind, with nr loaded.
void add_argument_guard(BpfProgram& block, std::uint32_t number, unsigned argument,
                        std::uint32_t first, std::uint32_t second, std::uint16_t error) {
    if (number == kNone) return;
    block.push_back(if_equal(number, 0, 5));
    block.push_back(load(argument_offset(argument)));
    block.push_back(if_equal(first, 1, 0));
    block.push_back(if_equal(second, 0, 1));
    block.push_back(answer(error));
    block.push_back(load(kNumberOffset));
}

BpfProgram make_block(const SeccompPolicy& policy, const Numbers& numbers) {
    BpfProgram block;
    block.push_back(load(kNumberOffset));
    if (policy.guard_terminal) {
        add_argument_guard(block, numbers.ioctl, 1, kTiocsti, kTioclinux, EPERM);
        add_argument_guard(block, numbers.ioctl_x32, 1, kTiocsti, kTioclinux, EPERM);
    }
    if (policy.guard_sockets) {
        add_argument_guard(block, numbers.socket, 0, kAfAlg, kAfVsock, EAFNOSUPPORT);
        add_argument_guard(block, numbers.socket_x32, 0, kAfAlg, kAfVsock, EAFNOSUPPORT);
    }
    if (policy.guard_socketcall && numbers.socketcall != kNone) {
        block.push_back(if_equal(numbers.socketcall, 0, 1));
        block.push_back(answer(ENOSYS));
    }
    return block;
}

}  // namespace

BpfProgram make_guard(const SeccompPolicy& policy) {
    BpfProgram guard;
    if (!policy.guard_terminal && !policy.guard_sockets && !policy.guard_socketcall) return guard;
    for (const Numbers& numbers : kNumbers) {
        const BpfProgram block = make_block(policy, numbers);
        guard.push_back(load(kArchOffset));
        guard.push_back(if_equal(numbers.audit_arch, 0, block.size()));
        guard.insert(guard.end(), block.begin(), block.end());
    }
    return guard;
}

}  // namespace sandbox::kernel
