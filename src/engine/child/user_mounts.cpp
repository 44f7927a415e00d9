#include "child/path.hpp"
#include "child/steps.hpp"

// Binds, volumes and tmpfs that the user asked for, and our three files in /etc. Sources are
// descriptors that the parent opened once; targets are resolved inside the root.
namespace sandbox::engine::child {
namespace {

// What must stay ours: the root itself, all of /proc, and the mount points of /sys and /dev.
bool is_forbidden(const char* path) noexcept {
    return path[0] == '\0' || text_equal(path, "proc") || text_starts_with(path, "proc/") ||
           text_equal(path, "sys") || text_equal(path, "dev");
}

bool is_directory(int fd) noexcept {
    struct stat information {};
    return raw::call(SYS_fstat, fd, raw::ptr(&information)) == 0 && S_ISDIR(information.st_mode);
}

bool is_device(int fd) noexcept {
    struct stat information {};
    return raw::call(SYS_fstat, fd, raw::ptr(&information)) == 0 &&
           (S_ISCHR(information.st_mode) || S_ISBLK(information.st_mode));
}

Flags flags_of(const Mount& mount) noexcept {
    return {mount.read_only, mount.no_suid, mount.kind != Mount::Kind::device, mount.no_exec};
}

void seed(const Plan& plan, const Target& target, std::size_t index) noexcept {
    const int from =
        raw::openat(target.parent_fd, target.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    check(plan, Step::seed_volume, from, index);
    const int to = raw::openat(plan.source_fds[index], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(plan, Step::seed_volume, to, index);
    check(plan, Step::seed_volume, seed_directory(from, to), index);
    (void)raw::close(from);
    (void)raw::close(to);
}

void mark_owner(int fd, const OwnerMark& mark) noexcept {
    if (mark.attribute == nullptr || fd < 0) return;
    (void)raw::fsetxattr(fd, mark.attribute, mark.text, mark.bytes, 0);
}

void mount_one(const Plan& plan, int root_fd, const Mount& mount, std::size_t index) noexcept {
    Target target;
    const int source_fd = plan.source_fds[index];
    if (source_fd < 0 && mount.if_there) return;
    const bool directory = mount.kind == Mount::Kind::tmpfs || is_directory(source_fd);
    const Want want = directory ? Want::directory : Want::file;
    // Below /proc nothing can be made, and the answer would be an odd one.
    Target existing;
    const int found = resolve_or_make(root_fd, mount.target, Want::anything, existing);
    if (found == 0 && is_forbidden(existing.path)) {
        fail(plan, Step::forbidden_target, -EINVAL, index);
    }
    if (existing.parent_fd >= 0) (void)raw::close(existing.parent_fd);
    if (text_starts_with(mount.target, "/proc/")) {
        fail(plan, Step::forbidden_target, -EINVAL, index);
    }
    const int rc = resolve_or_make(root_fd, mount.target, want, target);
    if (rc == -EISDIR) fail(plan, Step::target_is_directory, rc, index);
    if (rc == -ENOTDIR) fail(plan, Step::target_is_file, rc, index);
    check(plan, Step::mount_target, rc, index);
    if (is_forbidden(target.path)) fail(plan, Step::forbidden_target, -EINVAL, index);
    if (mount.kind == Mount::Kind::tmpfs) {
        const int fd = mount_new("tmpfs", mount.options, mount.classic_options, flags_of(mount),
                                 target.place());
        check(plan, Step::mount_tmpfs, fd, index);
        if (mount.owner.attribute != nullptr) {
            const int root = raw::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            mark_owner(root, mount.owner);
            if (root >= 0) (void)raw::close(root);
        }
        (void)raw::close(fd);
    } else {
        // It was one when the flag was read; nothing else may be had without nodev.
        if (mount.kind == Mount::Kind::device && !is_device(source_fd)) {
            fail(plan, Step::mount_bind, -ENXIO, index);
        }
        if (mount.seed && target.is_directory) seed(plan, target, index);
        const BindResult bound = bind(source_fd, flags_of(mount), mount.recursive, target.place());
        const Step step = mount.kind == Mount::Kind::volume ? Step::mount_volume : Step::mount_bind;
        check(plan, step, bound.rc, index);
    }
    (void)raw::close(target.parent_fd);
}

// The file is made in the /dev tmpfs and unlinked there when it is bound: no file of the store is
// needed for it, and the mount table does not show where the store is.
void mount_etc_file(const Plan& plan, int root_fd, int dev_fd, const EtcFile& file,
                    std::size_t index) noexcept {
    const int fd =
        raw::openat(dev_fd, file.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    check(plan, Step::etc_file, fd, index);
    check(plan, Step::etc_file, raw::write(fd, file.content, text_length(file.content)), index);
    Target target;
    check(plan, Step::etc_file, resolve_or_make(root_fd, file.path, Want::file, target), index);
    const Flags flags{false, true, true, true};
    check(plan, Step::etc_file, bind(fd, flags, false, target.place()).rc, index);
    check(plan, Step::etc_file, raw::unlinkat(dev_fd, file.name), index);
    (void)raw::close(target.parent_fd);
    (void)raw::close(fd);
}

long write_all(int fd, const char* data, std::size_t bytes) noexcept {
    while (bytes > 0) {
        const long written = raw::write(fd, data, bytes);
        if (written < 0) return written;
        data += written;
        bytes -= static_cast<std::size_t>(written);
    }
    return 0;
}

// Made in the /dev tmpfs and unlinked there, as mount_etc_file() does it.
void mount_memory_file(const Plan& plan, int root_fd, int dev_fd, const MemoryFile& file,
                       std::size_t index) noexcept {
    constexpr const char* kName = ".memory-file";
    constexpr Step kStep = Step::memory_file;
    const int fd =
        raw::openat(dev_fd, kName, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    check(plan, kStep, fd, index);
    check(plan, kStep, write_all(fd, file.content, file.bytes), index);
    check(plan, kStep, raw::fchownat(fd, "", file.uid, file.gid, AT_EMPTY_PATH), index);
    check(plan, kStep, raw::fchmod(fd, file.mode), index);
    mark_owner(fd, file.owner);
    Target target;
    check(plan, kStep, resolve_or_make(root_fd, file.path, Want::file, target), index);
    if (is_forbidden(target.path)) fail(plan, kStep, -EINVAL, index);
    check(plan, kStep, bind(fd, {true, true, true, true}, false, target.place()).rc, index);
    check(plan, kStep, raw::unlinkat(dev_fd, kName), index);
    (void)raw::close(target.parent_fd);
    (void)raw::close(fd);
}

}  // namespace

void open_store(Plan& plan) noexcept {
    Root& root = plan.root;
    root.store_fd =
        raw::openat(AT_FDCWD, root.store_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    check(plan, Step::open_store, root.store_fd);
    struct stat information {};
    check(plan, Step::open_store, raw::call(SYS_fstat, root.store_fd, raw::ptr(&information)));
    if (information.st_dev != root.store_device || information.st_ino != root.store_inode) {
        fail(plan, Step::open_store, -ESTALE);
    }
}

void open_sources(const Plan& plan) noexcept {
    for (std::size_t i = 0; i < plan.mounts.count; ++i) {
        const Mount& mount = plan.mounts.items[i];
        if (mount.kind == Mount::Kind::tmpfs) continue;
        plan.source_fds[i] = raw::openat(AT_FDCWD, mount.source, O_PATH | O_CLOEXEC);
        if (plan.source_fds[i] == -ENOENT && mount.if_there) continue;
        check(plan, Step::open_source, plan.source_fds[i], i);
    }
}

void mount_user(const Plan& plan, int root_fd, const SystemMounts& system) noexcept {
    for (std::size_t i = 0; i < plan.etc_files.count; ++i) {
        mount_etc_file(plan, root_fd, system.dev_fd, plan.etc_files.items[i], i);
    }
    for (std::size_t i = 0; i < plan.mounts.count; ++i) {
        mount_one(plan, root_fd, plan.mounts.items[i], i);
    }
    for (std::size_t i = 0; i < plan.memory_files.count; ++i) {
        mount_memory_file(plan, root_fd, system.dev_fd, plan.memory_files.items[i], i);
    }
}

void finish_user_mounts(const Plan& plan) noexcept {
    // Only where mount_setattr(2) is missing were flags left out when the mounts were attached.
    if (raw::mount_setattr(-1, "", 0, nullptr, 0) != -ENOSYS) return;
    const int root_fd = raw::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    check(plan, Step::mount_flags, root_fd);
    for (std::size_t i = 0; i < plan.mounts.count; ++i) {
        const Mount& mount = plan.mounts.items[i];
        if (mount.kind == Mount::Kind::tmpfs || plan.source_fds[i] < 0) continue;
        Target target;
        check(plan, Step::mount_flags,
              resolve_or_make(root_fd, mount.target, Want::anything, target), i);
        (void)raw::close(target.parent_fd);
        char text[kMaxPath + 1];
        TextBuffer path(text, sizeof text);
        if (!path.append("/") || !path.append(target.path)) {
            fail(plan, Step::mount_flags, -ENAMETOOLONG, i);
        }
        check(plan, Step::mount_flags, remount_classic(text, flags_of(mount), mount.recursive), i);
    }
    (void)raw::close(root_fd);
}

}  // namespace sandbox::engine::child
