// Who a process is, as it shall see it itself: ids, groups, capabilities; and what Linux would make
// of them. Pure: credentials(7), capabilities(7), setuid(2), setresuid(2), setfsuid(2).
// Every function that changes them answers 0 or -errno, and changes nothing when it fails.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "sandbox/kernel/capabilities.hpp"

namespace sandbox::engine {

using kernel::CapabilitySet;

struct IdSet {
    std::uint32_t real = 0, effective = 0, saved = 0, file_system = 0;
    auto operator<=>(const IdSet&) const = default;
    [[nodiscard]] static IdSet all(std::uint32_t id) noexcept { return {id, id, id, id}; }
};

struct Credentials {
    IdSet user, group;
    std::vector<std::uint32_t> groups;  // supplementary
    CapabilitySet inheritable = 0, permitted = 0, effective = 0, ambient = 0, bounding = 0;
    std::uint32_t securebits = 0;  // SECBIT_*, with SECBIT_KEEP_CAPS
    bool no_new_privileges = false;
    auto operator<=>(const Credentials&) const = default;

    [[nodiscard]] bool has(int capability) const noexcept;
    [[nodiscard]] bool in_group(std::uint32_t gid) const noexcept;
};

// As a container's first program has them: root has all of `bounding`, others none.
[[nodiscard]] Credentials initial_credentials(std::uint32_t uid, std::uint32_t gid,
                                              std::vector<std::uint32_t> groups,
                                              CapabilitySet bounding, bool no_new_privileges);

// In securebits: SECBIT_KEEP_CAPS.
inline constexpr std::uint32_t kKeepCapabilities = 1u << 4;

// "No change" of the calls with several ids.
inline constexpr std::uint32_t kKeepId = 0xffffffff;

int set_uid(Credentials& who, std::uint32_t uid);
int set_gid(Credentials& who, std::uint32_t gid);
int set_reuid(Credentials& who, std::uint32_t real, std::uint32_t effective);
int set_regid(Credentials& who, std::uint32_t real, std::uint32_t effective);
int set_resuid(Credentials& who, std::uint32_t real, std::uint32_t effective, std::uint32_t saved);
int set_resgid(Credentials& who, std::uint32_t real, std::uint32_t effective, std::uint32_t saved);
// These two answer the id from before, whether it was changed or not.
std::uint32_t set_fsuid(Credentials& who, std::uint32_t uid);
std::uint32_t set_fsgid(Credentials& who, std::uint32_t gid);
int set_groups(Credentials& who, std::span<const std::uint32_t> groups);

int set_capabilities(Credentials& who, CapabilitySet inheritable, CapabilitySet permitted,
                     CapabilitySet effective);
int set_keep_capabilities(Credentials& who, std::uint64_t value);
int set_securebits(Credentials& who, std::uint64_t bits);
// PR_CAP_AMBIENT: answers 0 or 1 for "is it set?".
int change_ambient(Credentials& who, std::uint64_t command, std::uint64_t capability);

struct ProgramFile {
    std::uint32_t uid = 0, gid = 0;
    mode_t mode = 0;
    bool has_capabilities = false;
    CapabilitySet permitted = 0, inheritable = 0;
    bool raises = false;  // its effective flag
};
void execute(Credentials& who, const ProgramFile& file);

}  // namespace sandbox::engine
