#include "engine/identity/creation_calls.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

// Threads of a container that make files at this very moment.
constexpr size_t kMaxPending = 256;

bool is_device(mode_t mode) noexcept {
    return S_ISCHR(mode) || S_ISBLK(mode);
}

base::UniqueFd open_name(int parent, const std::string& name) noexcept {
    const int fd = raw::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return base::UniqueFd(fd < 0 ? -1 : fd);
}

bool is_gone(pid_t pid) noexcept {
    return raw::call(SYS_prlimit64, pid, 0, 0, 0) == -ESRCH;
}

bool makes_as_root(const Credentials& who) noexcept {
    return who.user.file_system == 0 && who.group.file_system == 0;
}

}  // namespace

CreationCalls::Spot CreationCalls::find_spot(const TrappedProcess& process, const Identity& who,
                                             int dir_fd, std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    const size_t slash = path.rfind('/');
    Spot spot{{{}, -ENOENT}, slash == path.npos ? path : path.substr(slash + 1), {}};
    if (spot.name.empty() || spot.name == "." || spot.name == "..") return spot;
    std::string parent = slash == path.npos ? "." : path.substr(0, slash);
    if (parent.empty()) parent = "/";
    spot.dir = look_up(process, who.own_root, {dir_fd, std::move(parent), true, false});
    if (!spot.dir.fd) return spot;
    const int seen = FileOwners::look_at(spot.dir.fd.get(), spot.facts);
    if (seen < 0) spot.dir = {{}, seen};
    return spot;
}

FileOwner CreationCalls::owner_in(const Spot& spot, const Credentials& who) const {
    FileOwner owner{who.user.file_system, who.group.file_system};
    // inode(7): a directory with that bit gives its group on.
    if ((spot.facts.mode & S_ISGID) != 0) {
        owner.gid = owners_.of(spot.dir.fd.get(), spot.facts).gid;
    }
    return owner;
}

// The numbers of a device as mknod(2) takes them: linux/kdev_t.h, new_decode_dev().
TrapReply CreationCalls::make_device(const TrappedProcess& process, const Place& place,
                                     unsigned mode_index) {
    const auto mode = static_cast<mode_t>(process.id_argument(mode_index));
    const std::uint32_t number = process.id_argument(mode_index + 1);
    const Identity who = identities_.current(process);
    // Of those that root has in any container it is the one that stands for making what one likes.
    if (!who.who.has(CAP_DAC_OVERRIDE)) return TrapReply::result(-EPERM);
    std::string path;
    const int rc = process.read_path(place.path_address, path);
    if (rc < 0) return TrapReply::result(rc);
    const Spot spot = find_spot(process, who, place.dir_fd, std::move(path));
    if (!spot.dir.fd) return TrapReply::result(spot.dir.error);
    // A file of the caller's on the host.
    if (owners_.is_left_alone(spot.facts)) return TrapReply::result(-EPERM);
    const mode_t bits = mode & 07777 & ~process.creation_mask();
    if (!process.is_waiting()) return TrapReply::result(-ESRCH);
    const int made = raw::mknodat(spot.dir.fd.get(), spot.name.c_str(), S_IFSOCK | bits, 0);
    if (made < 0) return TrapReply::result(made);
    const base::UniqueFd file = open_name(spot.dir.fd.get(), spot.name);
    FileFacts facts;
    if (!file || FileOwners::look_at(file.get(), facts) < 0 || !S_ISSOCK(facts.mode)) {
        return TrapReply::result(0);  // somebody has taken it away already
    }
    FileOwner owner = owner_in(spot, who.who);
    owner.device = mode & S_IFMT;
    owner.device_major = number >> 8 & 0xfff;
    owner.device_minor = (number & 0xff) | (number >> 12 & 0xfff00);
    return TrapReply::result(owners_.remember(file.get(), facts, owner));
}

void CreationCalls::expect(const TrappedProcess& process, const Place& place) {
    std::string path;
    if (process.read_path(place.path_address, path) < 0) return;
    expect_path(process, place.dir_fd, std::move(path));
}

void CreationCalls::expect_path(const TrappedProcess& process, int dir_fd, std::string path) {
    const Identity who = identities_.current(process);
    if (makes_as_root(who.who)) return;
    Spot spot = find_spot(process, who, dir_fd, std::move(path));
    if (!spot.dir.fd || open_name(spot.dir.fd.get(), spot.name)) return;
    const FileOwner owner = owner_in(spot, who.who);
    if (pending_.size() >= kMaxPending) pending_.pop_front();
    pending_.push_back({std::move(spot.dir.fd), std::move(spot.name), owner, process.pid()});
}

void CreationCalls::expect_socket(const TrappedProcess& process) {
    sockaddr_un address{};
    const size_t size = std::min<size_t>(process.id_argument(2), sizeof address - 1);
    constexpr size_t kHead = offsetof(sockaddr_un, sun_path);
    if (size <= kHead || process.read(process.argument(1), &address, size) < 0) return;
    if (address.sun_family != AF_UNIX || address.sun_path[0] == '\0') return;
    expect_path(process, AT_FDCWD, address.sun_path);
}

// Whether it needs to be looked at no more.
bool CreationCalls::settle_one(const Pending& pending, pid_t caller) {
    const base::UniqueFd made = open_name(pending.parent.get(), pending.name);
    if (!made) return pending.maker == caller || is_gone(pending.maker);
    FileFacts facts;
    if (FileOwners::look_at(made.get(), facts) == 0) {
        (void)owners_.remember(made.get(), facts, pending.owner);
    }
    return true;
}

void CreationCalls::settle(pid_t caller) {
    std::erase_if(pending_, [&](const Pending& pending) { return settle_one(pending, caller); });
}

std::optional<TrapReply> CreationCalls::try_answer(const TrappedProcess& process) {
    Place place{AT_FDCWD, process.argument(0)};
    bool socket = false;
    switch (process.call().number) {
#ifdef SYS_open
        case SYS_open:
        case SYS_creat:
        case SYS_mkdir:
            break;
        case SYS_mknod:
            if (is_device(process.id_argument(1))) return make_device(process, place, 1);
            break;
        case SYS_symlink:
            place.path_address = process.argument(1);
            break;
        case SYS_rename:
        case SYS_link:
            return TrapReply::kernel();
#endif
#ifdef SYS_renameat
        case SYS_renameat:
#endif
        case SYS_renameat2:
        case SYS_linkat:
            return TrapReply::kernel();
        case SYS_openat:
        case raw::kSysOpenat2:
        case SYS_mkdirat:
            place = {process.int_argument(0), process.argument(1)};
            break;
        case SYS_mknodat:
            place = {process.int_argument(0), process.argument(1)};
            if (is_device(process.id_argument(2))) return make_device(process, place, 2);
            break;
        case SYS_symlinkat:
            place = {process.int_argument(1), process.argument(2)};
            break;
        case SYS_bind:
            socket = true;
            break;
        default:
            return std::nullopt;
    }
    // Root's files are root's: most that are made, and nothing to do for them.
    const Identity& known = table_.of(process.pid());
    if (known.program.any() && makes_as_root(known.who)) return TrapReply::kernel();
    if (socket) {
        expect_socket(process);
    } else {
        expect(process, place);
    }
    return TrapReply::kernel();
}

}  // namespace sandbox::engine
