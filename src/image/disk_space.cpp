#include "disk_space.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

namespace sandbox::image {
namespace {

constexpr std::uint64_t kMaxReserveBytes = 256u << 20;
constexpr std::uint64_t kReserveShare = 20;  // a twentieth of the disk

}  // namespace

DiskSpace disk_space(int fd) {
    struct statvfs info {};
    if (::fstatvfs(fd, &info) != 0) {
        const int errnum = errno;
        throw base::SysError(errnum, "ask for free space of", "the store");
    }
    DiskSpace space;
    space.available_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    const std::uint64_t total = static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize;
    space.reserve_bytes = std::min(kMaxReserveBytes, total / kReserveShare);
    return space;
}

NoSpaceError::NoSpaceError(const std::string& what)
    : Error("no space left on device: " + what,
            "`sandbox system prune` removes what is not used, or point SANDBOX_STORE at a larger "
            "disk") {}

bool is_full_disk(const base::Error& error, int fd) noexcept {
    if (const auto* failed = dynamic_cast<const base::SysError*>(&error)) {
        return failed->errnum() == ENOSPC || failed->errnum() == EDQUOT;
    }
    if (dynamic_cast<const NoSpaceError*>(&error) != nullptr) return true;
    // The unpacking child stops at the reserve, and tells it by text only.
    try {
        const DiskSpace space = disk_space(fd);
        return space.available_bytes < space.reserve_bytes + space.reserve_bytes / 2;
    } catch (const base::Error&) {
        return false;
    }
}

}  // namespace sandbox::image
