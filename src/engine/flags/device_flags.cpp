#include "engine/flags/device_flags.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "engine/flags/flag_error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

constexpr const char* kFlag = "--device";
constexpr std::string_view kAll = "rwm";
constexpr int kMaxDepth = 16;
constexpr size_t kMaxDevices = 1024;

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
};

void find_devices(const DeviceWords& words, const std::string& below, int depth,
                  std::vector<Found>& found) {
    const std::string dir = words.host + below;
    const int fd = base::raw::openat(AT_FDCWD, dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || depth > kMaxDepth) return;  // of others: nothing for us in it
    const base::UniqueFd opened(fd);
    for (const std::string& name : base::list_dir(fd)) {
        struct stat info {};
        // Links lead to what is found elsewhere, or out of the directory.
        if (::fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        const std::string path = below + "/" + name;
        if (S_ISDIR(info.st_mode)) find_devices(words, path, depth + 1, found);
        if (is_device(info.st_mode)) found.push_back({words.host + path, words.container + path});
    }
}

std::vector<Found> find_devices(const DeviceWords& words, std::string_view typed) {
    struct stat info {};
    if (::stat(words.host.c_str(), &info) != 0) {
        throw_bad_flag(kFlag, typed, base::quote(words.host) + ": " + base::errno_text(errno),
                       errno == ENOENT ? "is its driver loaded, its module known as " +
                                             base::quote(words.host) + "?"
                                       : "");
    }
    if (is_device(info.st_mode)) return {{words.host, words.container}};
    if (!S_ISDIR(info.st_mode)) {
        throw_bad_flag(kFlag, typed, base::quote(words.host) + " is not a device",
                       "files and directories are bound by -v");
    }
    std::vector<Found> found;
    find_devices(words, {}, 0, found);
    if (found.empty() || found.size() > kMaxDevices) {
        throw_bad_flag(kFlag, typed,
                       found.empty() ? "there is no device in " + base::quote(words.host)
                                     : "there are too many devices in " + base::quote(words.host),
                       "name the devices themselves");
    }
    std::sort(found.begin(), found.end(),
              [](const Found& a, const Found& b) { return a.host < b.host; });
    return found;
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
        if (found.host == found.container && is_own_device(found.host)) continue;
        MountWish wish;
        wish.typed = text;
        wish.spec.kind = MountSpec::Kind::device;
        wish.spec.target = check_mount_target(found.container, kFlag, text);
        wish.spec.source = std::move(found.host);
        wish.spec.recursive = false;
        wish.spec.exec = false;
        wish.spec.device_permissions = words.permissions;
        wishes.push_back(std::move(wish));
    }
    if (words.permissions.find_first_of("rw") != words.permissions.npos &&
        (words.permissions.find('r') == words.permissions.npos ||
         words.permissions.find('w') == words.permissions.npos) &&
        !wishes.empty()) {
        wishes.front().notices.push_back(
            "--device " + std::string(text) +
            ": not restricted to that permission, which takes root: what its mode allows you is "
            "allowed inside");
    }
    return wishes;
}

std::string why_closed(const std::string& host_path, bool keeps_groups) {
    struct stat info {};
    if (::stat(host_path.c_str(), &info) != 0) return {};
    if (::faccessat(AT_FDCWD, host_path.c_str(), R_OK | W_OK, AT_EACCESS) != 0 &&
        ::faccessat(AT_FDCWD, host_path.c_str(), R_OK, AT_EACCESS) != 0) {
        return "this account may not open it on the host either";
    }
    const bool by_owner = info.st_uid == ::geteuid();
    const bool by_group = info.st_gid == ::getegid();
    if (keeps_groups || by_owner || by_group || (info.st_mode & S_IROTH) != 0) return {};
    return "you may open it as a member of a group: --group-add keep-groups lets the container, "
           "too";
}

}  // namespace sandbox::engine
