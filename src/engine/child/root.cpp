#include <linux/mount.h>

#include "child/path.hpp"
#include "child/steps.hpp"

// The container's root: an overlay of the image's layers, or a copied tree.
namespace sandbox::engine::child {
namespace {

constexpr int kDetach = 2;  // MNT_DETACH, umount2(2)

// Layers under names as short as can be, so that any number of them fits in the one page that
// mount(2) takes: a tmpfs that is never seen by anybody, with a bind per layer.
int mount_overlay_short_names(const Plan& plan, Place place) noexcept {
    const Root& root = plan.root;
    const int names_fd = mount_new("tmpfs", {}, nullptr, {}, place);
    if (names_fd < 0) return names_fd;
    static char options[4096];
    TextBuffer text(options, sizeof options);
    bool fits = text.append("lowerdir=");
    char digits[24];
    for (std::size_t i = 0; i < root.lower_dirs.count && fits; ++i) {
        TextBuffer name(digits, sizeof digits);
        (void)name.append_number(i);
        int rc = raw::mkdirat(names_fd, digits, 0700);
        if (rc < 0) return rc;
        const int layer =
            open_plain(plan.root.store_fd, root.lower_dirs.items[i], O_PATH | O_DIRECTORY);
        if (layer < 0) return layer;
        const BindResult bound = bind(layer, {}, false, {names_fd, digits});
        (void)raw::close(layer);
        if (bound.rc < 0) return bound.rc;
        fits = (i == 0 || text.append(":")) && text.append(digits);
    }
    // The working directory is where relative names begin; upper and work stay below the store.
    char up[32];
    TextBuffer store(up, sizeof up);
    (void)(store.append("/proc/self/fd/") &&
           store.append_number(static_cast<unsigned long>(root.store_fd)));
    fits = fits && text.append(",upperdir=") && text.append(up) && text.append("/") &&
           text.append(root.container_path) && text.append("/upper,workdir=") && text.append(up) &&
           text.append("/") && text.append(root.container_path) && text.append("/work") &&
           text.append(root.classic_tail);
    if (!fits) return -E2BIG;
    int rc = raw::fchdir(names_fd);
    if (rc < 0) return rc;
    char path[128];
    TextBuffer target(path, sizeof path);
    if (!classic_path(target, place)) return -ENAMETOOLONG;
    rc = raw::mount("overlay", path, "overlay", MS_NODEV, options);
    if (rc < 0) return rc;
    return raw::openat(place.dir_fd, place.name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int mount_overlay_classic(const Plan& plan, Place place) noexcept {
    if (plan.root.classic_options == nullptr) return mount_overlay_short_names(plan, place);
    int rc = raw::fchdir(plan.root.store_fd);
    if (rc < 0) return rc;
    char path[128];
    TextBuffer target(path, sizeof path);
    if (!classic_path(target, place)) return -ENAMETOOLONG;
    rc = raw::mount("overlay", path, "overlay", MS_NODEV, plan.root.classic_options);
    if (rc < 0) return rc;
    return raw::openat(place.dir_fd, place.name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int mount_overlay(const Plan& plan, Place place) noexcept {
    int rc = raw::fchdir(plan.root.store_fd);
    if (rc < 0) return rc;
    Flags flags;
    flags.no_dev = true;
    const int mount_fd = make_detached("overlay", plan.root.options, flags);
    // EINVAL: a kernel before 6.8 does not know "lowerdir+". Any other reason for it comes again.
    if (mount_fd == -ENOSYS || mount_fd == -EINVAL) return mount_overlay_classic(plan, place);
    if (mount_fd < 0) return mount_fd;
    rc = attach(mount_fd, place);
    return rc < 0 ? rc : mount_fd;
}

}  // namespace

int make_root(const Plan& plan) noexcept {
    const Place place{plan.root.store_fd, plan.root.container_path};
    int root_fd = -1;
    if (plan.root.overlay) {
        root_fd = mount_overlay(plan, place);
        check(plan, Step::mount_overlay, root_fd);
        return root_fd;
    }
    const int tree = open_plain(plan.root.store_fd, plan.root.copied_path, O_PATH | O_DIRECTORY);
    check(plan, Step::open_copied_tree, tree);
    Flags flags;
    flags.no_dev = true;
    const BindResult bound = bind(tree, flags, false, place);
    check(plan, Step::attach_root, bound.rc);
    root_fd = raw::openat(place.dir_fd, place.name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    check(plan, Step::attach_root, root_fd);
    return root_fd;
}

void enter_root(const Plan& plan, int root_fd) noexcept {
    check(plan, Step::pivot_root, raw::fchdir(root_fd));
    check(plan, Step::pivot_root, raw::pivot_root(".", "."));
    // pivot_root(2): the old root is stacked on ".", so "." is what must go.
    check(plan, Step::drop_old_root, raw::umount2(".", kDetach));
    check(plan, Step::drop_old_root, raw::chdir("/"));
}

void make_working_dir(const Plan& plan, int root_fd) noexcept {
    Target target;
    check(plan, Step::make_working_dir,
          resolve_or_make(root_fd, plan.working_dir, Want::directory, target));
    if (target.parent_fd >= 0) (void)raw::close(target.parent_fd);
}

void make_root_read_only(const Plan& plan) noexcept {
    if (!plan.root.read_only) return;
    const Flags flags{true, false, false, false};
    int rc = add_flags({AT_FDCWD, "/"}, flags);
    if (rc == -ENOSYS) rc = remount_classic("/", flags, false);
    check(plan, Step::read_only_root, rc);
}

}  // namespace sandbox::engine::child
