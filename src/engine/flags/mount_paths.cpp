#include <algorithm>
#include <array>

#include "engine/flags/flag_error.hpp"
#include "engine/flags/mount_flags.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

bool is_below(std::string_view path, std::string_view dir) {
    return path == dir ||
           (path.starts_with(dir) && path.size() > dir.size() && path[dir.size()] == '/');
}

// Devices and links that the launch makes in its own /dev.
constexpr std::array<std::string_view, 14> kOwnDevices{
    "null", "zero", "full",  "random", "urandom", "tty",     "ptmx",
    "pts",  "fd",   "stdin", "stdout", "stderr",  "console", "core"};

bool is_forbidden(std::string_view target) {
    return is_below(target, "/proc") || is_below(target, "/sys") || target == "/dev" ||
           is_own_device(target);
}

}  // namespace

bool is_own_device(std::string_view path) {
    return std::any_of(kOwnDevices.begin(), kOwnDevices.end(), [&](std::string_view name) {
        return is_below(path, "/dev/" + std::string(name));
    });
}

std::string check_mount_target(std::string_view target, std::string_view flag,
                               std::string_view typed) {
    if (target.empty()) throw_bad_flag(flag, typed, "the path in the container is missing");
    if (target.front() != '/') {
        throw_bad_flag(
            flag, typed,
            "the path in the container must be absolute, " + base::quote(target) + " is not",
            "write \"/" + std::string(target) + "\"");
    }
    if (target.find('\0') != std::string_view::npos || target.size() > 4000) {
        throw_bad_flag(flag, typed, "the path in the container is too long or has a NUL byte");
    }
    std::string path = base::clean_path(target);
    if (path == "/") {
        throw_bad_flag(flag, typed, "nothing can be mounted over the container's \"/\"",
                       "name a directory below it");
    }
    if (is_forbidden(path)) {
        throw_bad_flag(flag, typed, "forbidden target " + base::quote(path),
                       "/proc, /sys and the standard devices are the container's own");
    }
    return path;
}

void sort_mounts(std::vector<MountWish>& mounts) {
    std::stable_sort(mounts.begin(), mounts.end(), [](const MountWish& a, const MountWish& b) {
        const auto depth = [](const std::string& path) {
            return std::count(path.begin(), path.end(), '/');
        };
        return depth(a.spec.target) < depth(b.spec.target);
    });
    // The same device twice, by itself and with its directory, is no contradiction.
    const auto is_known = [&](const MountWish& mount) {
        return mount.spec.kind == MountSpec::Kind::device &&
               std::any_of(mounts.begin(), mounts.end(), [&](const MountWish& other) {
                   return &other < &mount && other.spec.kind == mount.spec.kind &&
                          other.spec.source == mount.spec.source &&
                          other.spec.target == mount.spec.target;
               });
    };
    std::vector<MountWish> kept;
    for (const MountWish& mount : mounts) {
        if (!is_known(mount)) kept.push_back(mount);
    }
    mounts = std::move(kept);
    std::vector<std::string> targets;
    for (const MountWish& mount : mounts) {
        const std::string& target = mount.spec.target;
        if (std::find(targets.begin(), targets.end(), target) != targets.end()) {
            throw_usage(
                "duplicate mount destination " + base::quote(target),
                "each path in the container can be named once by -v, --mount, --tmpfs or --device");
        }
        targets.push_back(target);
    }
}

}  // namespace sandbox::engine
