#include "engine/volume_owners.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "engine/container_record.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file_lock.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/owner_mark.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
using base::UniqueFd;

// In the volume's directory: its files are marked. "partial": they are being marked.
constexpr const char* kMarked = "owners.marked";
constexpr const char* kLock = "owners.lock";
constexpr std::string_view kWhole = "whole\n", kPartial = "partial\n";
constexpr size_t kMaxBytes = 64;
constexpr mode_t kIdBits = S_ISUID | S_ISGID;

// One file of the volume, as root of the namespace that has its ids.
class Turn {
  public:
    explicit Turn(bool to_marks) noexcept : to_marks_(to_marks) {}
    // Whether it has now, or had before, what is wanted.
    [[nodiscard]] bool file(int fd, const struct stat& info) const {
        const std::string name = "/proc/self/fd/" + std::to_string(fd);
        const bool carries_mark = S_ISREG(info.st_mode) || S_ISDIR(info.st_mode);
        return to_marks_ ? mark(fd, name, info, carries_mark)
                         : !carries_mark || own(fd, name, info);
    }

  private:
    static bool change(int fd, const std::string& name, const struct stat& info,
                       const image::FileOwner& owner) {
        if (raw::call(SYS_fchownat, fd, raw::ptr(""), owner.uid, owner.gid, AT_EMPTY_PATH) < 0) {
            return false;
        }
        // chown(2) takes them away.
        return !S_ISREG(info.st_mode) || (info.st_mode & kIdBits) == 0 ||
               raw::fchmodat(AT_FDCWD, name.c_str(), info.st_mode & 07777) >= 0;
    }

    static bool mark(int fd, const std::string& name, const struct stat& info, bool carries_mark) {
        if (info.st_uid == 0 && info.st_gid == 0) return true;
        const image::FileOwner owner{info.st_uid, info.st_gid};
        const std::string text = image::format_file_owner(owner);
        if (carries_mark &&
            ::setxattr(name.c_str(), image::kOwnerAttribute, text.data(), text.size(), 0) != 0) {
            return false;
        }
        return change(fd, name, info, {});
    }

    static bool own(int fd, const std::string& name, const struct stat& info) {
        char text[32];
        const long size = ::getxattr(name.c_str(), image::kOwnerAttribute, text, sizeof text);
        if (size <= 0) return true;
        const auto owner = image::parse_file_owner({text, static_cast<size_t>(size)});
        if (owner && !change(fd, name, info, *owner)) return false;
        return ::removexattr(name.c_str(), image::kOwnerAttribute) == 0;
    }

    bool to_marks_;
};

UniqueFd open_beneath(int root_fd, const std::string& path, std::uint64_t flags) {
    open_how how{};
    how.flags = flags | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    const int fd = raw::openat2(root_fd, path.c_str(), how);
    return UniqueFd(fd < 0 ? -1 : fd);
}

// Files whose owner stays as it was.
size_t turn_tree(int volume_fd, bool to_marks) {
    const UniqueFd root = base::open_at(volume_fd, "data", O_PATH | O_DIRECTORY | O_NOFOLLOW);
    const Turn turn(to_marks);
    size_t left = 0;
    std::vector<std::string> directories{"."};
    const auto one = [&](int fd, const std::string& path) {
        struct stat info {};
        if (::fstat(fd, &info) != 0 || !turn.file(fd, info)) ++left;
        if (S_ISDIR(info.st_mode) && path != ".") directories.push_back(path);
    };
    one(root.get(), ".");
    while (!directories.empty()) {
        const std::string path = std::move(directories.back());
        directories.pop_back();
        const UniqueFd dir = open_beneath(root.get(), path, O_RDONLY | O_DIRECTORY);
        if (!dir) {
            ++left;
            continue;
        }
        for (const std::string& name : base::list_dir(dir.get())) {
            const UniqueFd file = open_beneath(dir.get(), name, O_PATH);
            if (file) one(file.get(), path == "." ? name : path + "/" + name);
        }
    }
    return left;
}

bool has_other_user(const store::Store& store, const ContainerSpec& spec, const std::string& name) {
    for (const store::ContainerEntry& entry : store::ContainerStore(store).list()) {
        if (!entry.live || entry.id == spec.id) continue;
        const auto names = entry.record["volumes"].strings();
        if (std::find(names.begin(), names.end(), name) != names.end()) return true;
    }
    return false;
}

void write_state(int volume_fd, std::string_view state) {
    base::write_file_atomic(volume_fd, kMarked, state, 0600, base::Durability::volatile_data);
}

class VolumeTurn {
  public:
    VolumeTurn(const store::Store& store, const ContainerSpec& spec, const std::string& name)
        : store_(store),
          spec_(spec),
          name_(name),
          dir_(base::open_at(store.volumes_fd(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)) {}

    void settle() {
        const bool to_marks = spec_.identity == IdentityMode::emulate;
        if (is_settled(to_marks)) return;
        const base::FileLock lock = base::FileLock::acquire(
            dir_.get(), kLock, base::LockMode::exclusive,
            "waiting for another container to get the owners in volume " + base::quote(name_));
        if (is_settled(to_marks)) return;
        const kernel::IdMap ids = kernel::full_id_map();
        if (to_marks && (ids.mode == kernel::IdMode::single || is_empty())) {
            // All there is is the caller's own.
            return write_state(dir_.get(), kWhole);
        }
        if (has_other_user(store_, spec_, name_)) {
            base::log::warning("the files of volume " + base::quote(name_) +
                               " have the owners of a running container whose ids are made "
                               "otherwise: they are turned when it has ended");
            return;
        }
        turn(ids, to_marks);
    }

  private:
    [[nodiscard]] bool is_settled(bool to_marks) const {
        const auto state = base::try_read_file_at(dir_.get(), kMarked, kMaxBytes);
        return to_marks ? state == kWhole : !state.has_value();
    }
    [[nodiscard]] bool is_empty() const {
        const auto data =
            base::try_open_at(dir_.get(), "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        return data && base::list_dir(data->get()).empty();
    }
    void turn(const kernel::IdMap& ids, bool to_marks) {
        if (to_marks) write_state(dir_.get(), kPartial);
        const int left =
            kernel::run_as_owner(ids, [&] { return turn_tree(dir_.get(), to_marks) == 0 ? 0 : 1; });
        if (left != 0) {
            base::log::warning("some files of volume " + base::quote(name_) +
                               " keep their owners: the ids here do not have them");
        }
        if (to_marks) return write_state(dir_.get(), kWhole);
        base::unlink_at(dir_.get(), kMarked, true);
    }

    const store::Store& store_;
    const ContainerSpec& spec_;
    const std::string& name_;
    UniqueFd dir_;
};

}  // namespace

void settle_volume_owners(const store::Store& store, const ContainerSpec& spec) {
    // Others with one id see no owners, and make files of the caller's.
    if (spec.identity != IdentityMode::emulate && spec.identity != IdentityMode::range) return;
    for (const MountSpec& mount : spec.mounts) {
        if (mount.kind != MountSpec::Kind::volume) continue;
        try {
            VolumeTurn(store, spec, mount.volume_name).settle();
        } catch (const base::Error& error) {
            base::log::warning("owners in volume " + base::quote(mount.volume_name) + ": " +
                               error.message());
        }
    }
}

}  // namespace sandbox::engine
