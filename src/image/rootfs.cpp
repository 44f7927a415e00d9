#include "sandbox/image/rootfs.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <deque>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

using base::UniqueFd;

constexpr int kMaxLinks = 40;  // path_resolution(7): as the kernel
constexpr const char* kOpaqueXattr = "user.overlay.opaque";

bool is_whiteout(const struct stat& info) noexcept {
    return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

bool is_opaque(int dir_fd) noexcept {
    char value = '\0';
    return ::fgetxattr(dir_fd, kOpaqueXattr, &value, 1) == 1 && value == 'y';
}

std::vector<std::string> parts_of(std::string_view path) {
    std::vector<std::string> parts;
    for (std::string& part : base::split(path, '/')) {
        if (!part.empty() && part != ".") parts.push_back(std::move(part));
    }
    return parts;
}

// The image as one tree, without a mount: every directory is the stack of the layers' directories
// that make it up, top first.
using MergedDir = std::vector<UniqueFd>;

struct Found {
    size_t layer = 0;  // index in the merged directory
    struct stat info {};
};

class MergedImage {
  public:
    MergedImage(int layers_fd, const std::vector<std::string>& lower_dirs) {
        for (const std::string& lower : lower_dirs) {
            root_.push_back(base::open_at(layers_fd, lower, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
            if (is_opaque(root_.back().get())) break;
        }
    }

    // An owner of the regular file, or absent. Links are followed within the image.
    std::optional<UniqueFd> try_open_file(const std::string& path) {
        std::vector<MergedDir> trail;  // directories from the root down to where we are
        std::deque<std::string> rest;
        for (std::string& part : parts_of(path)) rest.push_back(std::move(part));
        int links = 0;
        while (!rest.empty()) {
            const std::string name = std::move(rest.front());
            rest.pop_front();
            if (name == "..") {
                if (!trail.empty()) trail.pop_back();
                continue;
            }
            const MergedDir& here = trail.empty() ? root_ : trail.back();
            const std::optional<Found> found = try_look_up(here, name);
            if (!found) return std::nullopt;
            if (S_ISLNK(found->info.st_mode)) {
                if (++links > kMaxLinks) return std::nullopt;
                const std::string target = read_link(here[found->layer].get(), name);
                if (target.substr(0, 1) == "/") trail.clear();
                std::vector<std::string> parts = parts_of(target);
                rest.insert(rest.begin(), parts.begin(), parts.end());
            } else if (S_ISDIR(found->info.st_mode)) {
                trail.push_back(open_merged(here, name, found->layer));
            } else {
                if (!rest.empty() || !S_ISREG(found->info.st_mode)) return std::nullopt;
                return open_regular(here[found->layer].get(), name);
            }
        }
        return std::nullopt;  // a directory
    }

  private:
    static std::optional<Found> try_look_up(const MergedDir& dir, const std::string& name) {
        for (size_t i = 0; i < dir.size(); ++i) {
            Found found{i, {}};
            if (::fstatat(dir[i].get(), name.c_str(), &found.info, AT_SYMLINK_NOFOLLOW) == 0) {
                if (is_whiteout(found.info)) return std::nullopt;
                return found;
            }
            if (errno != ENOENT && errno != ENAMETOOLONG) {
                throw base::SysError(errno, "look up in the image", base::quote(name));
            }
        }
        return std::nullopt;
    }

    static std::string read_link(int dir_fd, const std::string& name) {
        std::array<char, PATH_MAX> target{};
        const long rc = base::raw::readlinkat(dir_fd, name.c_str(), target.data(), target.size());
        if (rc < 0) {
            throw base::SysError(static_cast<int>(-rc), "read link in the image",
                                 base::quote(name));
        }
        return {target.data(), static_cast<size_t>(rc)};
    }

    // From the topmost layer that has it down to an opaque one, a whiteout or another kind of file.
    static MergedDir open_merged(const MergedDir& dir, const std::string& name, size_t top) {
        MergedDir merged;
        for (size_t i = top; i < dir.size(); ++i) {
            struct stat info {};
            if (::fstatat(dir[i].get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
            if (!S_ISDIR(info.st_mode)) break;
            // Not readable for us where its owner is another id: it counts as empty.
            const int rc = base::raw::openat(dir[i].get(), name.c_str(),
                                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (rc == -EACCES) continue;
            if (rc < 0) throw base::SysError(-rc, "open in the image", base::quote(name));
            merged.emplace_back(rc);
            if (is_opaque(rc)) break;
        }
        return merged;
    }

    static std::optional<UniqueFd> open_regular(int dir_fd, const std::string& name) {
        const int rc = base::raw::openat(dir_fd, name.c_str(),
                                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (rc == -EACCES || rc == -ENOENT) return std::nullopt;
        if (rc < 0) throw base::SysError(-rc, "open in the image", base::quote(name));
        return UniqueFd(rc);
    }

    MergedDir root_;
};

// overlayfs merges the roots of all layers, whatever their attributes say: an opaque mark there is
// ours to obey.
bool is_opaque(const std::string& layer_root) {
    char value = 0;
    return base::raw::lgetxattr(layer_root.c_str(), "user.overlay.opaque", &value, 1) == 1 &&
           value == 'y';
}

}  // namespace

RootfsPlan plan_rootfs(const store::Store& store, const store::ImageRecord& record,
                       kernel::IdMode mode) {
    const store::LayerStore layers(store);
    RootfsPlan plan;
    plan.mode = mode == kernel::IdMode::range ? store::LayerMode::range : store::LayerMode::single;
    plan.lower_dirs.reserve(record.chains.size());
    for (auto chain = record.chains.rbegin(); chain != record.chains.rend(); ++chain) {
        if (!layers.exists(*chain, plan.mode)) {
            throw base::Error("layer " + chain->digest.str() + " of image " + record.id.str() +
                                  " is not in the store",
                              "`sandbox pull` the image again", base::exit_code::kEngine);
        }
        plan.lower_dirs.push_back(store::LayerStore::name(*chain, plan.mode) + "/fs");
        if (is_opaque(store.root() + "/layers/" + plan.lower_dirs.back())) break;
    }
    return plan;
}

std::optional<std::string> try_read_image_file(const store::Store& store, const RootfsPlan& plan,
                                               const std::string& path, size_t limit_bytes) {
    return base::with_context(base::quote(path) + " of the image", [&] {
        MergedImage image(store.layers_fd(), plan.lower_dirs);
        std::optional<UniqueFd> file = image.try_open_file(path);
        if (!file) return std::optional<std::string>();
        return std::optional(base::read_fd(file->get(), limit_bytes));
    });
}

}  // namespace sandbox::image
