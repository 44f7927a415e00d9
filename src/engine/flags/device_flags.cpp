#include "engine/flags/device_flags.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/flags/flag_error.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

constexpr const char* kFlag = "--device";
constexpr std::string_view kAll = "rwm";

std::vector<gid_t> callers_groups() {
    const int count = ::getgroups(0, nullptr);
    std::vector<gid_t> groups(static_cast<size_t>(std::max(count, 0)));
    const int got = ::getgroups(count, groups.data());
    groups.resize(static_cast<size_t>(std::max(got, 0)));
    return groups;
}

bool is_device(mode_t mode) noexcept {
    return S_ISCHR(mode) || S_ISBLK(mode);
}

// Each letter at most once, as docker has it.
bool are_permissions(std::string_view text) {
    return !text.empty() && text.size() <= kAll.size() &&
           std::all_of(text.begin(), text.end(), [&](char letter) {
               return kAll.find(letter) != kAll.npos &&
                      std::count(text.begin(), text.end(), letter) == 1;
           });
}

struct Found {
    std::string host, container;
    bool from_directory = false;
};

// The devices below a directory. Links lead to what is found elsewhere, or out of it.
class Walk {
  public:
    Walk(const DeviceWords& words, std::string_view typed) : words_(words), typed_(typed) {}
    std::vector<Found> find() {
        enter({}, 0);
        if (found_.empty()) fail("there is no device in ");
        std::sort(found_.begin(), found_.end(),
                  [](const Found& a, const Found& b) { return a.host < b.host; });
        return std::move(found_);
    }

  private:
    [[noreturn]] void fail(const char* why) const {
        throw_bad_flag(kFlag, typed_, why + base::quote(words_.host),
                       "name the devices themselves");
    }
    void enter(const std::string& below, int depth) {
        constexpr int kMaxDepth = 16;
        if (depth > kMaxDepth) return;
        try {
            const base::UniqueFd dir = base::open_dir(words_.host + below);
            for (const std::string& name : base::list_dir(dir.get())) {
                look_at(dir.get(), name, below + "/" + name, depth);
            }
        } catch (const base::SysError&) {
            return;  // of others: nothing for us in it
        }
    }
    void look_at(int dir_fd, const std::string& name, const std::string& below, int depth) {
        constexpr size_t kMaxFiles = 20'000, kMaxDevices = 1024;
        if (++seen_ > kMaxFiles) fail("there are too many files in ");
        struct stat info {};
        if (::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
        if (S_ISDIR(info.st_mode)) enter(below, depth + 1);
        if (!is_device(info.st_mode)) return;
        found_.push_back({words_.host + below, words_.container + below, true});
        if (found_.size() > kMaxDevices) fail("there are too many devices in ");
    }

    const DeviceWords& words_;
    std::string_view typed_;
    std::vector<Found> found_;
    size_t seen_ = 0;
};

std::vector<Found> find_devices(const DeviceWords& words, std::string_view typed) {
    struct stat info {};
    if (::stat(words.host.c_str(), &info) != 0) {
        throw_bad_flag(kFlag, typed, base::quote(words.host) + ": " + base::errno_text(errno),
                       errno == ENOENT ? "`ls /dev` shows what is there" : "");
    }
    if (is_device(info.st_mode)) return {{words.host, words.container, false}};
    if (!S_ISDIR(info.st_mode)) {
        throw_bad_flag(kFlag, typed, base::quote(words.host) + " is not a device",
                       "files and directories are bound by -v");
    }
    return Walk(words, typed).find();
}

// Of those that a container has, what is the same on every machine.
bool is_everywhere(std::string_view path) {
    for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
        if (path == std::string("/dev/") + name) return true;
    }
    return false;
}

}  // namespace

DeviceWords split_device_flag(std::string_view text) {
    const std::vector<std::string> parts = base::split(std::string(text), ':');
    DeviceWords words{parts[0], {}, std::string(kAll)};
    if (parts.size() > 3) {
        throw_bad_flag(kFlag, text, "has too many parts", "write PATH[:PATH_INSIDE[:rwm]]");
    }
    if (!words.host.starts_with('/')) {
        const bool is_name = words.host.find('=') != words.host.npos;
        throw_bad_flag(kFlag, text,
                       is_name ? "devices by names of a vendor (CDI) are not available"
                               : base::quote(words.host) + " is not an absolute path",
                       is_name ? "name the device's path" : "write \"/dev/…\"");
    }
    if (parts.size() == 2 && are_permissions(parts[1])) {
        words.permissions = parts[1];
    } else if (parts.size() > 1) {
        words.container = parts[1];
    }
    if (parts.size() == 3) words.permissions = parts[2];
    if (!are_permissions(words.permissions)) {
        throw_bad_flag(kFlag, text, base::quote(words.permissions) + " is no permission",
                       "r, w and m, or some of them");
    }
    words.host = base::clean_path(words.host);
    if (words.container.empty()) words.container = words.host;
    return words;
}

std::vector<MountWish> parse_device_flag(std::string_view text) {
    const DeviceWords words = split_device_flag(text);
    std::vector<MountWish> wishes;
    for (Found& found : find_devices(words, text)) {
        if (found.host == found.container && is_everywhere(found.host)) continue;
        if (found.from_directory && is_own_device(found.container)) continue;
        MountWish wish;
        wish.typed = text;
        wish.spec.kind = MountSpec::Kind::device;
        wish.spec.target = check_mount_target(found.container, kFlag, text);
        wish.spec.source = std::move(found.host);
        wish.spec.recursive = false;
        wish.spec.exec = false;
        wish.spec.if_there = found.from_directory;
        wish.spec.device_permissions = words.permissions;
        wishes.push_back(std::move(wish));
    }
    const auto lacks = [&](char letter) {
        return words.permissions.find(letter) == words.permissions.npos;
    };
    if (!wishes.empty() && (lacks('r') || lacks('w'))) {
        wishes.front().notices.push_back(
            "--device " + std::string(text) +
            ": not restricted to that permission, which takes root: what its mode allows you is "
            "allowed inside");
    }
    return wishes;
}

HostIdentity host_identity(const ContainerSpec& spec) {
    constexpr uid_t kNobody = 65534;
    HostIdentity payload{::geteuid(), {}};
    if (spec.ids.mode == kernel::IdMode::range) {
        const auto outside = [](const std::vector<kernel::IdRange>& ranges, std::uint32_t inside) {
            for (const kernel::IdRange& range : ranges) {
                const std::uint32_t first = range.inside.value;
                if (inside >= first && inside - first < range.count) {
                    return range.outside.value + (inside - first);
                }
            }
            return kNobody;
        };
        payload.uid = outside(spec.ids.uids, spec.user.uid.value);
        payload.groups.push_back(outside(spec.ids.gids, spec.user.gid.value));
        for (const kernel::ContainerId group : spec.user.groups) {
            payload.groups.push_back(outside(spec.ids.gids, group.value));
        }
    } else {
        payload.groups.push_back(::getegid());
    }
    if (!spec.ids.set_groups) {
        const std::vector<gid_t> own = callers_groups();
        payload.groups.insert(payload.groups.end(), own.begin(), own.end());
    }
    return payload;
}

std::string why_closed(const std::string& host_path, const HostIdentity& payload) {
    struct stat info {};
    if (::stat(host_path.c_str(), &info) != 0) return {};
    const auto mine = [&](int access) {
        return ::faccessat(AT_FDCWD, host_path.c_str(), access, AT_EACCESS) == 0;
    };
    const bool readable = mine(R_OK), writable = mine(W_OK);
    if (!readable && !writable) return "this account may not open it on the host either";
    if (::getxattr(host_path.c_str(), "system.posix_acl_access", nullptr, 0) > 0) return {};
    const auto has_group = [&](const std::vector<gid_t>& groups) {
        return std::find(groups.begin(), groups.end(), info.st_gid) != groups.end();
    };
    const mode_t bits = info.st_uid == payload.uid  ? info.st_mode >> 6
                        : has_group(payload.groups) ? info.st_mode >> 3
                                                    : info.st_mode;
    const bool same = (!readable || (bits & 4) != 0) && (!writable || (bits & 2) != 0);
    if (same) return {};
    if (has_group(callers_groups()) && ::geteuid() != 0) {
        return "you may open it as a member of a group: --group-add keep-groups lets the "
               "container, too";
    }
    return "the container's user may not open it as you may: its id is another one on this host";
}

}  // namespace sandbox::engine
