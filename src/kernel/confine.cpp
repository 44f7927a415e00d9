#include "sandbox/kernel/confine.hpp"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

#if defined(__x86_64__)
constexpr std::uint32_t kAuditArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kAuditArch = AUDIT_ARCH_AARCH64;
#else
#error "name this architecture's AUDIT_ARCH"
#endif

void check(long rc, const char* tried) {
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), tried);
}

}  // namespace

sock_filter filter_statement(unsigned code, std::uint32_t k) noexcept {
    return {static_cast<std::uint16_t>(code), 0, 0, k};
}

sock_filter filter_jump(unsigned code, std::uint32_t k, std::uint8_t if_true,
                        std::uint8_t if_false) noexcept {
    return {static_cast<std::uint16_t>(code), if_true, if_false, k};
}

void keep_capabilities(std::uint64_t mask) {
    for (int capability = 0; capability < 64; ++capability) {
        // EINVAL: this kernel knows no more of them. EPERM: without CAP_SETPCAP bounds stay, which
        // no_new_privs makes harmless.
        if ((mask >> capability & 1) == 0 &&
            raw::prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(capability)) < 0) {
            break;
        }
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};
    for (size_t word = 0; word < data.size(); ++word) {
        data[word].effective = static_cast<std::uint32_t>(mask >> (32 * word));
        data[word].permitted = data[word].effective;
    }
    check(raw::call(SYS_capset, raw::ptr(&header), raw::ptr(data.data())), "drop capabilities");
}

void load_call_filter(std::span<const int> allowed, std::span<const sock_filter> rules) {
    constexpr unsigned kLoad = BPF_LD | BPF_W | BPF_ABS;
    constexpr unsigned kEquals = BPF_JMP | BPF_JEQ | BPF_K;
    constexpr unsigned kReturn = BPF_RET | BPF_K;
    std::vector<sock_filter> filter{
        filter_statement(kLoad, offsetof(seccomp_data, arch)),
        filter_jump(kEquals, kAuditArch, 1, 0),
        filter_statement(kReturn, SECCOMP_RET_KILL_PROCESS),
        filter_statement(kLoad, offsetof(seccomp_data, nr)),
    };
    for (const int call : allowed) {
        filter.push_back(filter_jump(kEquals, static_cast<std::uint32_t>(call), 0, 1));
        filter.push_back(filter_statement(kReturn, SECCOMP_RET_ALLOW));
    }
    filter.insert(filter.end(), rules.begin(), rules.end());
    filter.push_back(filter_statement(kReturn, SECCOMP_RET_ERRNO | EPERM));
    check(raw::prctl(PR_SET_NO_NEW_PRIVS, 1), "set no_new_privs");
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    check(raw::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                     static_cast<unsigned long>(raw::ptr(&program))),
          "load the system call filter");
}

}  // namespace sandbox::kernel
