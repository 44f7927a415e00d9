#include "sandbox/kernel/capabilities.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>

#include <array>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::kernel {
namespace {

// capabilities(7); the index is the number.
constexpr std::array<std::string_view, 41> kNames{"CHOWN",
                                                  "DAC_OVERRIDE",
                                                  "DAC_READ_SEARCH",
                                                  "FOWNER",
                                                  "FSETID",
                                                  "KILL",
                                                  "SETGID",
                                                  "SETUID",
                                                  "SETPCAP",
                                                  "LINUX_IMMUTABLE",
                                                  "NET_BIND_SERVICE",
                                                  "NET_BROADCAST",
                                                  "NET_ADMIN",
                                                  "NET_RAW",
                                                  "IPC_LOCK",
                                                  "IPC_OWNER",
                                                  "SYS_MODULE",
                                                  "SYS_RAWIO",
                                                  "SYS_CHROOT",
                                                  "SYS_PTRACE",
                                                  "SYS_PACCT",
                                                  "SYS_ADMIN",
                                                  "SYS_BOOT",
                                                  "SYS_NICE",
                                                  "SYS_RESOURCE",
                                                  "SYS_TIME",
                                                  "SYS_TTY_CONFIG",
                                                  "MKNOD",
                                                  "LEASE",
                                                  "AUDIT_WRITE",
                                                  "AUDIT_CONTROL",
                                                  "SETFCAP",
                                                  "MAC_OVERRIDE",
                                                  "MAC_ADMIN",
                                                  "SYSLOG",
                                                  "WAKE_ALARM",
                                                  "BLOCK_SUSPEND",
                                                  "AUDIT_READ",
                                                  "PERFMON",
                                                  "BPF",
                                                  "CHECKPOINT_RESTORE"};

constexpr CapabilitySet bit(int capability) noexcept {
    return CapabilitySet{1} << capability;
}

bool equal_ignoring_case(std::string_view text, std::string_view upper) noexcept {
    if (text.size() != upper.size()) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const char up = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        if (up != upper[i]) return false;
    }
    return true;
}

bool is_all(std::string_view name) noexcept {
    return equal_ignoring_case(name, "ALL");
}

int parse_or_throw(const std::string& name) {
    if (const auto capability = try_parse_capability(name)) return *capability;
    std::vector<std::string> known(kNames.begin(), kNames.end());
    std::string stem = base::to_upper(name);
    if (stem.starts_with("CAP_")) stem.erase(0, 4);
    const auto nearest = base::try_nearest(stem, known);
    throw base::UsageError("unknown capability " + base::quote(name),
                           nearest ? "did you mean \"" + *nearest + "\"?" : "see capabilities(7)",
                           base::exit_code::kEngine);
}

}  // namespace

CapabilitySet default_capabilities() noexcept {
    return bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_FSETID) |
           bit(CAP_KILL) | bit(CAP_NET_BIND_SERVICE) | bit(CAP_SETFCAP) | bit(CAP_SETGID) |
           bit(CAP_SETPCAP) | bit(CAP_SETUID) | bit(CAP_SYS_CHROOT);
}

CapabilitySet all_capabilities() noexcept {
    // prctl(2): PR_CAPBSET_READ answers EINVAL beyond the last capability that this kernel knows. A
    // search by halves, since this is on the way of every launch.
    int known = 0;  // CAP_CHOWN, in every kernel
    int unknown = 64;
    while (unknown - known > 1) {
        const int middle = (known + unknown) / 2;
        const bool exists =
            base::raw::prctl(PR_CAPBSET_READ, static_cast<unsigned long>(middle)) >= 0;
        (exists ? known : unknown) = middle;
    }
    return known == 63 ? ~CapabilitySet{0} : bit(known + 1) - 1;
}

std::optional<int> try_parse_capability(std::string_view name) noexcept {
    if (name.size() > 4 && equal_ignoring_case(name.substr(0, 4), "CAP_")) name.remove_prefix(4);
    for (size_t n = 0; n < kNames.size(); ++n) {
        if (equal_ignoring_case(name, kNames[n])) return static_cast<int>(n);
    }
    return std::nullopt;
}

std::string capability_name(int capability) {
    if (capability >= 0 && static_cast<size_t>(capability) < kNames.size()) {
        return "CAP_" + std::string(kNames[static_cast<size_t>(capability)]);
    }
    return "CAP_" + std::to_string(capability);
}

CapabilitySet resolve_capabilities(CapabilitySet base, const std::vector<std::string>& add,
                                   const std::vector<std::string>& drop) {
    CapabilitySet added = 0;
    CapabilitySet dropped = 0;
    bool add_all = false;
    bool drop_all = false;
    for (const std::string& name : add) {
        if (is_all(name)) {
            add_all = true;
        } else {
            added |= bit(parse_or_throw(name));
        }
    }
    for (const std::string& name : drop) {
        if (is_all(name)) {
            drop_all = true;
        } else {
            dropped |= bit(parse_or_throw(name));
        }
    }
    const CapabilitySet known = all_capabilities();
    CapabilitySet result = base;
    if (add_all) {
        // Both ALL: what was added by name is what stays.
        result = drop_all ? added : known & ~dropped;
    } else if (drop_all) {
        result = added;
    } else {
        result = (base & ~dropped) | added;
    }
    return result & known;
}

}  // namespace sandbox::kernel
