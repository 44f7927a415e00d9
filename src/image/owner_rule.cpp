#include "image/owner_rule.hpp"

#include <sys/stat.h>

namespace sandbox::image {

KeptOwner kept_owner(const kernel::IdMap& ids, const TarEntry& entry) noexcept {
    KeptOwner owner;
    if (entry.uid == 0 && entry.gid == 0) return owner;
    if (ids.mode == kernel::IdMode::single) {
        owner.loss = KeptOwner::Loss::single;
        return owner;
    }
    // 2^32-1 is "no id" to the kernel, and what is larger does not exist.
    constexpr std::uint64_t kNoId = 0xffffffff;
    const bool uid_fits =
        entry.uid < kNoId && ids.contains_uid({static_cast<std::uint32_t>(entry.uid)});
    const bool gid_fits =
        entry.gid < kNoId && ids.contains_gid({static_cast<std::uint32_t>(entry.gid)});
    if (uid_fits) owner.uid = static_cast<uid_t>(entry.uid);
    if (gid_fits) owner.gid = static_cast<gid_t>(entry.gid);
    if (!uid_fits || !gid_fits) owner.loss = KeptOwner::Loss::outside;
    return owner;
}

mode_t kept_mode(const TarEntry& entry, const KeptOwner& owner) noexcept {
    constexpr mode_t kIdBits = S_ISUID | S_ISGID;
    const bool drop = owner.loss == KeptOwner::Loss::outside && entry.type != EntryType::directory;
    return drop ? entry.mode & ~kIdBits : entry.mode;
}

}  // namespace sandbox::image
