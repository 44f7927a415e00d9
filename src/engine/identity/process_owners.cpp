#include "engine/identity/process_owners.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>

#include <array>
#include <string>
#include <string_view>

#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

// Newer than the build machine's headers: linux/nsfs.h of Linux 6.11.
constexpr unsigned long kPidFromNamespace = _IOR(0xb7, 0x6, int);  // NS_GET_PID_FROM_PIDNS
constexpr unsigned long kPidInNamespace = _IOR(0xb7, 0x8, int);    // NS_GET_PID_IN_PIDNS

}  // namespace

ProcessOwners::ProcessOwners(const IdentityTable& table, base::UniqueFd pid_namespace)
    : table_(table), pid_namespace_(std::move(pid_namespace)) {
    const base::UniqueFd proc(raw::openat(AT_FDCWD, "/proc", O_PATH | O_CLOEXEC));
    FileFacts facts;
    if (proc && FileOwners::look_at(proc.get(), facts) == 0) mount_ = facts.mount;
}

pid_t ProcessOwners::outside(pid_t pid) const noexcept {
    const int rc = raw::ioctl(pid_namespace_.get(), kPidFromNamespace, pid);
    return rc > 0 ? rc : -1;
}

pid_t ProcessOwners::inside(pid_t pid) const noexcept {
    const int rc = raw::ioctl(pid_namespace_.get(), kPidInNamespace, pid);
    return rc > 0 ? rc : -1;
}

std::optional<FileOwner> ProcessOwners::of(int fd) const {
    std::array<char, PATH_MAX> text;
    const std::string name = "self/fd/" + std::to_string(fd);
    const long size = raw::readlinkat(AT_FDCWD, name.c_str(), text.data(), text.size());
    constexpr std::string_view kStart = "/proc/";
    if (size <= 0) return std::nullopt;
    std::string_view path(text.data(), static_cast<size_t>(size));
    if (!path.starts_with(kStart)) return std::nullopt;
    path.remove_prefix(kStart.size());
    const auto pid = base::try_parse_u64(path.substr(0, path.find('/')));
    if (!pid || *pid == 0 || *pid > INT_MAX) return std::nullopt;
    const pid_t there = outside(static_cast<pid_t>(*pid));
    if (there < 0) return std::nullopt;
    const Credentials& who = table_.of(there).who;
    return FileOwner{who.user.effective, who.group.effective};
}

}  // namespace sandbox::engine
