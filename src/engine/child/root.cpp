#include <linux/mount.h>

#include "child/path.hpp"
#include "child/steps.hpp"

// The container's root: an overlay of the image's layers, or a copied tree.
namespace sandbox::engine::child {
namespace {

constexpr int kDetach = 2;  // MNT_DETACH, umount2(2)

constexpr Flags kNoDev{false, false, true, false};

int reopen(Place place) noexcept {
    return raw::openat(place.dir_fd, place.name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int bind_at_name(int names_fd, int source_fd, const char* name) noexcept {
    const int rc = raw::mkdirat(names_fd, name, 0755);
    return rc < 0 ? rc : bind(source_fd, {}, false, {names_fd, name}).rc;
}

// Binds layers and the container's directory below names_fd and writes the options that name them.
int bind_short_names(const Plan& plan, int names_fd, TextBuffer& options) noexcept {
    const Root& root = plan.root;
    bool fits = options.append("lowerdir=");
    for (std::size_t i = 0; i < root.lower_dirs.count && fits; ++i) {
        char digits[24];
        TextBuffer name(digits, sizeof digits);
        (void)name.append_number(i);
        int layer = root.layer_fds[i];
        if (!root.by_descriptor) {
            layer = open_plain(root.store_fd, root.lower_dirs.items[i], O_PATH | O_DIRECTORY);
        }
        if (layer < 0) return layer;
        const int rc = bind_at_name(names_fd, layer, digits);
        (void)raw::close(layer);
        if (rc < 0) return rc;
        fits = (i == 0 || options.append(":")) && options.append(digits);
    }
    fits = fits && options.append(",upperdir=c/upper,workdir=c/work") &&
           options.append(root.classic_tail);
    return fits ? 0 : -E2BIG;
}

// Layers under names as short as can be, so that any number of them fits in the one page that
// mount(2) takes, and without walking through the store: a tmpfs that the overlay then covers.
int mount_overlay_short_names(const Plan& plan, Place place) noexcept {
    int container = plan.root.container_fd;
    if (!plan.root.by_descriptor) container = reopen(place);
    if (container < 0) return container;
    const int names_fd = mount_new("tmpfs", {}, nullptr, {}, place);
    if (names_fd < 0) return names_fd;
    static char text[4096];
    TextBuffer options(text, sizeof text);
    int rc = bind_short_names(plan, names_fd, options);
    if (rc == 0) rc = bind_at_name(names_fd, container, "c");
    if (rc == 0) rc = raw::fchdir(names_fd);
    if (rc < 0) return rc;
    // The working directory is where relative names begin.
    rc = raw::mkdirat(names_fd, "m", 0755);
    if (rc == 0) rc = raw::mount("overlay", "m", "overlay", MS_NODEV, text);
    if (rc < 0) return rc;
    return raw::openat(names_fd, "m", O_PATH | O_DIRECTORY | O_CLOEXEC);
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
    return reopen(place);
}

int mount_overlay(const Plan& plan, Place place) noexcept {
    if (plan.root.by_descriptor) return mount_overlay_short_names(plan, place);
    int rc = raw::fchdir(plan.root.store_fd);
    if (rc < 0) return rc;
    const int mount_fd = make_detached("overlay", plan.root.options, kNoDev);
    // EINVAL: a kernel before 6.8 does not know "lowerdir+". Any other reason for it comes again.
    if (mount_fd == -ENOSYS || mount_fd == -EINVAL) return mount_overlay_classic(plan, place);
    if (mount_fd < 0) return mount_fd;
    rc = attach(mount_fd, place);
    return rc < 0 ? rc : mount_fd;
}

}  // namespace

void open_layers(Plan& plan) noexcept {
    Root& root = plan.root;
    if (!root.by_descriptor) return;
    root.container_fd = open_plain(root.store_fd, root.container_path, O_PATH | O_DIRECTORY);
    check(plan, Step::open_store, root.container_fd);
    for (std::size_t i = 0; i < root.lower_dirs.count; ++i) {
        root.layer_fds[i] =
            open_plain(root.store_fd, root.lower_dirs.items[i], O_PATH | O_DIRECTORY);
        check(plan, Step::mount_overlay, root.layer_fds[i], i);
    }
}

int make_root(const Plan& plan) noexcept {
    const Root& root = plan.root;
    const Place place = root.by_descriptor ? Place{root.container_fd, ""}
                                           : Place{root.store_fd, root.container_path};
    if (root.overlay) {
        const int root_fd = mount_overlay(plan, place);
        check(plan, Step::mount_overlay, root_fd);
        return root_fd;
    }
    const int tree = root.by_descriptor
                         ? open_plain(root.container_fd, "rootfs", O_PATH | O_DIRECTORY)
                         : open_plain(root.store_fd, root.copied_path, O_PATH | O_DIRECTORY);
    check(plan, Step::open_copied_tree, tree);
    const BindResult bound = bind_and_keep(tree, kNoDev, false, place);
    check(plan, Step::attach_root, bound.rc);
    return bound.rc;
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
    if (target.parent_fd < 0) return;
    // Made for the payload: its user shall be able to work in it.
    if (target.made) {
        check(
            plan, Step::make_working_dir,
            raw::fchownat(target.parent_fd, target.name, plan.uid, plan.gid, AT_SYMLINK_NOFOLLOW));
    }
    (void)raw::close(target.parent_fd);
}

void make_root_read_only(const Plan& plan) noexcept {
    if (!plan.root.read_only) return;
    const Flags flags{true, false, false, false};
    int rc = add_flags({AT_FDCWD, "/"}, flags);
    if (rc == -ENOSYS) rc = remount_classic("/", flags, false);
    check(plan, Step::read_only_root, rc);
}

}  // namespace sandbox::engine::child
