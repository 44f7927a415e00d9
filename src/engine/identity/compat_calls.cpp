#include "engine/identity/compat_calls.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

#if defined(__x86_64__)
struct Equal {
    int number;  // asm/unistd_32.h
    long native;
    // Arguments that are ids of 16 bits: [first, end).
    unsigned first_narrow = 0, end_narrow = 0;
    bool narrow = false;
};

constexpr Equal narrow(int number, long native, unsigned first, unsigned end) noexcept {
    return {number, native, first, end, true};
}

constexpr Equal kEquals[] = {
    {5, SYS_open},
    {8, SYS_creat},
    {9, SYS_link},
    {14, SYS_mknod},
    narrow(16, SYS_lchown, 1, 3),
    narrow(23, SYS_setuid, 0, 1),
    narrow(24, SYS_getuid, 0, 0),
    {38, SYS_rename},
    {39, SYS_mkdir},
    narrow(46, SYS_setgid, 0, 1),
    narrow(47, SYS_getgid, 0, 0),
    narrow(49, SYS_geteuid, 0, 0),
    narrow(50, SYS_getegid, 0, 0),
    {61, SYS_chroot},
    narrow(70, SYS_setreuid, 0, 2),
    narrow(71, SYS_setregid, 0, 2),
    {75, SYS_setrlimit},
    {83, SYS_symlink},
    narrow(95, SYS_fchown, 1, 3),
    narrow(138, SYS_setfsuid, 0, 1),
    narrow(139, SYS_setfsgid, 0, 1),
    narrow(164, SYS_setresuid, 0, 3),
    narrow(170, SYS_setresgid, 0, 3),
    {172, SYS_prctl},
    narrow(182, SYS_chown, 1, 3),
    {184, SYS_capget},
    {185, SYS_capset},
    {195, SYS_stat},
    {196, SYS_lstat},
    {197, SYS_fstat},
    {198, SYS_lchown},
    {199, SYS_getuid},
    {200, SYS_getgid},
    {201, SYS_geteuid},
    {202, SYS_getegid},
    {203, SYS_setreuid},
    {204, SYS_setregid},
    {205, SYS_getgroups},
    {206, SYS_setgroups},
    {207, SYS_fchown},
    {208, SYS_setresuid},
    {209, SYS_getresuid},
    {210, SYS_setresgid},
    {211, SYS_getresgid},
    {212, SYS_chown},
    {213, SYS_setuid},
    {214, SYS_setgid},
    {215, SYS_setfsuid},
    {216, SYS_setfsgid},
    {295, SYS_openat},
    {296, SYS_mkdirat},
    {297, SYS_mknodat},
    {298, SYS_fchownat},
    {300, SYS_newfstatat},
    {302, SYS_renameat},
    {303, SYS_linkat},
    {304, SYS_symlinkat},
    {340, SYS_prlimit64},
    {353, SYS_renameat2},
    {361, SYS_bind},
    {365, SYS_getsockopt},
    {383, SYS_statx},
    {437, base::raw::kSysOpenat2},
};
#endif

}  // namespace

std::optional<NativeCall> to_native(const kernel::TrappedCall& call) {
#if defined(__x86_64__)
    const auto* const equal =
        std::lower_bound(std::begin(kEquals), std::end(kEquals), call.number,
                         [](const Equal& entry, int number) { return entry.number < number; });
    if (equal == std::end(kEquals) || equal->number != call.number) return std::nullopt;
    NativeCall native{call, equal->narrow};
    native.call.number = static_cast<int>(equal->native);
    for (unsigned i = equal->first_narrow; i < equal->end_narrow; ++i) {
        std::uint64_t& id = native.call.args[i];
        id &= 0xffff;
        if (id == 0xffff) id = 0xffffffff;
    }
    return native;
#else
    (void)call;
    return std::nullopt;
#endif
}

TrapReply to_narrow(const TrapReply& reply) noexcept {
    constexpr long kLargest = 0xffff, kOverflow = 65534;
    return reply.go_on || reply.value <= kLargest ? reply : TrapReply::result(kOverflow);
}

std::array<char, kCompatStatBytes> to_compat_stat(const struct stat& info) noexcept {
    std::array<char, kCompatStatBytes> bytes{};
    const auto put = [&](size_t at, auto value) {
        std::memcpy(bytes.data() + at, &value, sizeof value);
    };
    const auto put32 = [&](size_t at, auto value) { put(at, static_cast<std::uint32_t>(value)); };
    put(0, static_cast<std::uint64_t>(info.st_dev));
    put32(12, info.st_ino);
    put32(16, info.st_mode);
    put32(20, info.st_nlink);
    put32(24, info.st_uid);
    put32(28, info.st_gid);
    put(32, static_cast<std::uint64_t>(info.st_rdev));
    put(44, static_cast<std::int64_t>(info.st_size));
    put32(52, info.st_blksize);
    put(56, static_cast<std::int64_t>(info.st_blocks));
    put32(64, info.st_atim.tv_sec);
    put32(68, info.st_atim.tv_nsec);
    put32(72, info.st_mtim.tv_sec);
    put32(76, info.st_mtim.tv_nsec);
    put32(80, info.st_ctim.tv_sec);
    put32(84, info.st_ctim.tv_nsec);
    put(88, static_cast<std::uint64_t>(info.st_ino));
    return bytes;
}

}  // namespace sandbox::engine
