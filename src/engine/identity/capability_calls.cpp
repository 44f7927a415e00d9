// The part of IdentityCalls that is about capabilities: capget(2), capset(2), prctl(2).
#include <linux/capability.h>
#include <sys/prctl.h>

#include <array>
#include <cerrno>

#include "engine/identity/identity_calls.hpp"

namespace sandbox::engine {
namespace {

constexpr size_t kMaxWords = 2;

// How many words of capabilities a version has; 0: the kernel does not know it.
size_t words_of(std::uint32_t version) noexcept {
    switch (version) {
        case _LINUX_CAPABILITY_VERSION_1:
            return 1;
        case _LINUX_CAPABILITY_VERSION_2:
        case _LINUX_CAPABILITY_VERSION_3:
            return 2;
        default:
            return 0;
    }
}

using Words = std::array<__user_cap_data_struct, kMaxWords>;

CapabilitySet join(std::uint32_t low, std::uint32_t high) noexcept {
    return CapabilitySet{low} | CapabilitySet{high} << 32;
}

}  // namespace

TrapReply IdentityCalls::get_capabilities(const TrappedProcess& process) {
    __user_cap_header_struct header{};
    if (process.read(process.argument(0), &header, sizeof header) < 0) return TrapReply::kernel();
    const size_t words = words_of(header.version);
    // The version that the kernel has, and other processes: it knows them better.
    if (words == 0 || process.argument(1) == 0) return TrapReply::kernel();
    if (header.pid != 0 && !process.is_own_pid(header.pid)) return TrapReply::kernel();
    const Credentials who = current(process).who;
    Words data{};
    for (size_t word = 0; word < words; ++word) {
        data[word].effective = static_cast<std::uint32_t>(who.effective >> (32 * word));
        data[word].permitted = static_cast<std::uint32_t>(who.permitted >> (32 * word));
        data[word].inheritable = static_cast<std::uint32_t>(who.inheritable >> (32 * word));
    }
    return TrapReply::result(
        process.write(process.argument(1), data.data(), words * sizeof data.front()));
}

// What the process gives up it gives up in truth as well.
TrapReply IdentityCalls::set_capabilities(const TrappedProcess& process) {
    __user_cap_header_struct header{};
    if (process.read(process.argument(0), &header, sizeof header) < 0) return TrapReply::kernel();
    const size_t words = words_of(header.version);
    if (words == 0) return TrapReply::kernel();
    if (header.pid != 0 && !process.is_own_pid(header.pid)) return TrapReply::result(-EPERM);
    Words data{};
    const int rc = process.read(process.argument(1), data.data(), words * sizeof data.front());
    if (rc < 0) return TrapReply::result(rc);
    Identity next = current(process);
    const int allowed = engine::set_capabilities(
        next.who, join(data[0].inheritable, data[1].inheritable),
        join(data[0].permitted, data[1].permitted), join(data[0].effective, data[1].effective));
    if (allowed < 0) return TrapReply::result(allowed);
    const int stored = store_changed(process, next);
    return stored < 0 ? TrapReply::result(stored) : TrapReply::kernel();
}

TrapReply IdentityCalls::process_control(const TrappedProcess& process) {
    Identity next = current(process);
    const std::uint64_t argument = process.argument(1);
    bool by_kernel = false;
    int rc = 0;
    switch (process.int_argument(0)) {
        case PR_GET_KEEPCAPS:
            return TrapReply::result((next.who.securebits & kKeepCapabilities) != 0 ? 1 : 0);
        case PR_GET_SECUREBITS:
            return TrapReply::result(next.who.securebits);
        case PR_SET_KEEPCAPS:
            rc = set_keep_capabilities(next.who, argument);
            break;
        case PR_SET_SECUREBITS:
            rc = set_securebits(next.who, argument);
            break;
        case PR_CAP_AMBIENT:
            rc = change_ambient(next.who, argument, process.argument(2));
            break;
        case PR_CAPBSET_DROP:
            if (argument > CAP_LAST_CAP) return TrapReply::kernel();
            if (!next.who.has(CAP_SETPCAP)) return TrapReply::result(-EPERM);
            next.who.bounding &= ~(CapabilitySet{1} << argument);
            by_kernel = true;
            break;
        default:
            return TrapReply::kernel();
    }
    if (rc < 0) return TrapReply::result(rc);
    const int stored = store_changed(process, next);
    if (stored < 0) return TrapReply::result(stored);
    return by_kernel ? TrapReply::kernel() : TrapReply::result(rc);
}

}  // namespace sandbox::engine
