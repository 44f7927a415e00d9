// Where cgroups can be made. Writing is decided by the kernel at each write; access(2) on the three
// files that delegation gives away (cgroup.procs, cgroup.subtree_control and the directory itself,
// cgroups(7) "delegation") tells beforehand.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "kernel/user_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/cgroup.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

constexpr size_t kMaxBytes = 4u << 20;
constexpr const char* kController[] = {"memory", "pids", "cpu", "cpuset", "io"};

std::string read_proc(const char* path) {
    const int fd = raw::openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    const base::UniqueFd owner(fd);
    return base::read_fd(fd, kMaxBytes);
}

bool may_write(const std::string& path) {
    const auto writable = [](const std::string& file) {
        return ::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) == 0;
    };
    return writable(path) && writable(path + "/cgroup.procs") &&
           writable(path + "/cgroup.subtree_control");
}

// mountinfo writes blanks and backslashes as \040 (proc(5)).
std::string unescape(std::string_view text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool octal = text[i] == '\\' && i + 3 < text.size() &&
                           text.substr(i + 1, 3).find_first_not_of("01234567") == text.npos;
        if (!octal) {
            result += text[i];
            continue;
        }
        result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                    (text[i + 3] - '0'));
        i += 3;
    }
    return result;
}

std::string name_of(const std::string& id) {
    return "sandbox-" + id;
}

bool write_word(int dir_fd, const char* name, const std::string& text) {
    const int fd = raw::openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const base::UniqueFd owner(fd);
    return raw::write(fd, text.data(), text.size()) == static_cast<long>(text.size());
}

// One by one: a controller that is missing must not take the others along.
void hand_on_controllers(int dir_fd, const std::vector<std::string>& present) {
    for (const char* controller : kController) {
        if (std::find(present.begin(), present.end(), controller) == present.end()) continue;
        if (!write_word(dir_fd, "cgroup.subtree_control", std::string("+") + controller)) {
            base::log::debug(std::string("cgroup: ") + controller + " cannot be handed on");
        }
    }
}

Cgroup make_in(const DelegatedSubtree& subtree, const std::string& id) {
    base::UniqueFd parent = base::open_at(AT_FDCWD, subtree.path, O_RDONLY | O_DIRECTORY);
    hand_on_controllers(parent.get(), subtree.controllers);
    const std::string name = name_of(id);
    const int rc = raw::mkdirat(parent.get(), name.c_str(), 0755);
    if (rc < 0 && rc != -EEXIST) {
        throw base::SysError(-rc, "make cgroup", base::quote(subtree.path + "/" + name));
    }
    base::UniqueFd dir = base::open_at(parent.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return Cgroup(std::move(dir), std::move(parent), name);
}

std::optional<MadeCgroup> try_make_in(const DelegatedSubtree& subtree, const std::string& id,
                                      const ResourceLimits& limits) {
    try {
        MadeCgroup made;
        made.cgroup.emplace(make_in(subtree, id));
        made.unmet = made.cgroup->set(limits);
        return made;
    } catch (const base::Error& error) {
        base::log::debug("cgroup: " + error.message());
        return std::nullopt;
    }
}

// systemd moves us into the scope, where we step aside: a cgroup that hands controllers on must
// have no process of its own.
std::optional<MadeCgroup> try_make_scope(const std::string& id, const ResourceLimits& limits,
                                         std::string& why) {
    const std::optional<CgroupMount> mount = try_find_cgroup2(read_proc("/proc/self/mountinfo"));
    if (!mount) {
        why = "no cgroup v2 is mounted here";
        return std::nullopt;
    }
    try {
        const std::string scope = enter_user_scope("sandbox-" + id + ".scope");
        const auto path = try_join(*mount, scope);
        if (!path) throw base::Error("the scope is not below the cgroup mount");
        const base::UniqueFd dir = base::open_at(AT_FDCWD, *path, O_RDONLY | O_DIRECTORY);
        base::make_dir_at(dir.get(), "supervisor", 0755);
        const base::UniqueFd aside = base::open_at(dir.get(), "supervisor", O_RDONLY | O_DIRECTORY);
        if (!write_word(aside.get(), "cgroup.procs", "0")) {
            throw base::Error("the scope is not delegated");
        }
        const DelegatedSubtree subtree{
            *path, base::split(base::trim(base::read_fd(
                                   base::open_at(dir.get(), "cgroup.controllers", O_RDONLY).get(),
                                   kMaxBytes)),
                               ' ')};
        return try_make_in(subtree, id, limits);
    } catch (const base::Error& error) {
        why = error.message();
        return std::nullopt;
    }
}

}  // namespace

std::vector<std::string> limit_names(const ResourceLimits& limits) {
    std::vector<std::string> words;
    if (limits.memory_bytes) words.emplace_back("memory");
    if (limits.memory_reservation_bytes) words.emplace_back("memory-reservation");
    if (limits.pids) words.emplace_back("pids-limit");
    if (limits.cpu_quota_us) words.emplace_back("cpus");
    if (limits.cpu_weight) words.emplace_back("cpu-shares");
    if (!limits.cpus.empty()) words.emplace_back("cpuset-cpus");
    if (!limits.memory_nodes.empty()) words.emplace_back("cpuset-mems");
    if (limits.io_weight) words.emplace_back("blkio-weight");
    return words;
}

std::optional<CgroupMount> try_find_cgroup2(std::string_view mounts) {
    // "41 31 0:38 ROOT POINT rw,relatime shared:1 - cgroup2 cgroup2 rw"
    for (const std::string& line : base::split(mounts, '\n')) {
        const size_t dash = line.find(" - ");
        if (dash == line.npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) continue;
        const std::vector<std::string> fields = base::split(line, ' ');
        if (fields.size() < 6) continue;
        return CgroupMount{unescape(fields[4]), unescape(fields[3])};
    }
    return std::nullopt;
}

std::optional<std::string> try_own_cgroup(std::string_view membership) {
    for (const std::string& line : base::split(membership, '\n')) {
        if (line.starts_with("0::/")) return line.substr(3);
    }
    return std::nullopt;
}

std::optional<std::string> try_join(const CgroupMount& mount, const std::string& own) {
    // Above the root of our cgroup namespace: "/../..", which no path of ours shows.
    if (own.find("/..") != own.npos) return std::nullopt;
    if (mount.root == "/") return mount.point + (own == "/" ? "" : own);
    if (own == mount.root) return mount.point;
    if (!own.starts_with(mount.root + "/")) return std::nullopt;
    return mount.point + own.substr(mount.root.size());
}

std::optional<DelegatedSubtree> try_find_subtree() {
    const auto mount = try_find_cgroup2(read_proc("/proc/self/mountinfo"));
    const auto own = try_own_cgroup(read_proc("/proc/self/cgroup"));
    if (!mount || !own) return std::nullopt;
    const auto start = try_join(*mount, *own);
    if (!start) return std::nullopt;
    std::string highest;
    for (std::string path = *start; path.size() > mount->point.size() || path == *start;
         path.erase(path.rfind('/'))) {
        if (!may_write(path)) break;
        highest = path;
        if (path == mount->point) break;
    }
    if (highest.empty()) return std::nullopt;
    const std::string list = read_proc((highest + "/cgroup.controllers").c_str());
    return DelegatedSubtree{highest, base::split(base::trim(list), ' ')};
}

MadeCgroup make_cgroup(const std::string& id, const ResourceLimits& limits) {
    const std::optional<DelegatedSubtree> subtree = try_find_subtree();
    std::optional<MadeCgroup> own;
    if (subtree) own = try_make_in(*subtree, id, limits);
    if (own && own->unmet.empty()) return std::move(*own);
    if (limits.empty()) return own ? std::move(*own) : MadeCgroup{};
    std::string why;
    if (std::optional<MadeCgroup> scope = try_make_scope(id, limits, why)) {
        if (own) (void)own->cgroup->remove();
        return std::move(*scope);
    }
    if (own) return std::move(*own);
    MadeCgroup none;
    none.unmet = {limit_names(limits), "no cgroup is delegated to this account: " + why};
    return none;
}

void remove_cgroup(const std::string& id) noexcept {
    try {
        const std::optional<DelegatedSubtree> subtree = try_find_subtree();
        if (!subtree) return;
        const std::string path = subtree->path + "/" + name_of(id);
        (void)raw::unlinkat(AT_FDCWD, path.c_str(), AT_REMOVEDIR);
    } catch (const std::exception& error) {
        base::log::debug(error.what());
    }
}

}  // namespace sandbox::kernel
