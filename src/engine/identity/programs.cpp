#include "engine/identity/programs.hpp"

#include <endian.h>
#include <linux/capability.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include <string>

#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

constexpr size_t kMaxKnown = 4096;
constexpr mode_t kIdBits = S_ISUID | S_ISGID;

CapabilitySet join(std::uint32_t low, std::uint32_t high) noexcept {
    return CapabilitySet{le32toh(low)} | CapabilitySet{le32toh(high)} << 32;
}

// As the kernel gives them to us: version 2, or 3 with the root of another namespace, for whom they
// are (capabilities(7)).
void read_capabilities(int fd, ProgramFile& file) noexcept {
    vfs_ns_cap_data data{};
    const std::string name = "self/fd/" + std::to_string(fd);
    const long size = raw::call(SYS_getxattr, raw::ptr(name.c_str()),
                                raw::ptr("security.capability"), raw::ptr(&data), sizeof data);
    const std::uint32_t magic = le32toh(data.magic_etc);
    if (size != XATTR_CAPS_SZ_2 || (magic & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_2) return;
    file.has_capabilities = true;
    file.permitted = join(data.data[0].permitted, data.data[1].permitted);
    file.inheritable = join(data.data[0].inheritable, data.data[1].inheritable);
    file.raises = (magic & VFS_CAP_FLAGS_EFFECTIVE) != 0;
}

// mount(2), MS_NOSUID: then none of these counts. fstatfs(2): f_flags, since Linux 2.6.36.
bool counts_on_its_mount(int fd) noexcept {
    struct statfs info {};
    return raw::call(SYS_fstatfs, fd, raw::ptr(&info)) < 0 || (info.f_flags & ST_NOSUID) == 0;
}

}  // namespace

bool Programs::is_ordinary(const TrappedProcess& process, const struct stat& info) {
    if ((info.st_mode & kIdBits) != 0) return false;
    const Key key{info.st_dev, info.st_ino, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
    const auto known = ordinary_.find(key);
    if (known != ordinary_.end()) return known->second;
    if (ordinary_.size() >= kMaxKnown) ordinary_.clear();
    const bool ordinary = !look_at(process, info).has_capabilities;
    ordinary_.emplace(key, ordinary);
    return ordinary;
}

ProgramFile Programs::look_at(const TrappedProcess& process, const struct stat& info) const {
    ProgramFile file;
    file.mode = info.st_mode;
    const base::UniqueFd exe = process.open_link("exe");
    FileFacts facts;
    if (!exe || FileOwners::look_at(exe.get(), facts) < 0) return file;
    if (!counts_on_its_mount(exe.get())) {
        file.mode &= ~kIdBits;
        return file;
    }
    const FileOwner owner = owners_.of(exe.get(), facts);
    file.uid = owner.uid;
    file.gid = owner.gid;
    read_capabilities(exe.get(), file);
    return file;
}

}  // namespace sandbox::engine
