#include "child/path.hpp"
#include "child/steps.hpp"

// /proc, /sys and /dev of the container. All places are found by descriptor below the new root;
// where an image brings a link or a file in their place, it is replaced by a directory.
namespace sandbox::engine::child {
namespace {

constexpr Option kDevOptions[] = {{"mode", "755"}, {"size", "65536k"}};
constexpr Flags kNoSuidDevExec{false, true, true, true};

constexpr Flags kNoSuidExec{false, true, false, true};
constexpr Flags kReadOnly{true, true, true, true};

// Attaches what was prepared, or makes it now.
int mount_prepared(int prepared_fd, const char* type, List<Option> options,
                   const char* classic_options, Flags flags, Place place) noexcept {
    if (prepared_fd == -ENOSYS) return mount_new(type, options, classic_options, flags, place);
    if (prepared_fd < 0) return prepared_fd;
    const int rc = attach(prepared_fd, place);
    return rc < 0 ? rc : prepared_fd;
}

int mount_proc(const Plan& plan, int prepared_fd, int root_fd) noexcept {
    check(plan, Step::prepare_directory, make_real_directory(root_fd, "proc", 0555), 0);
    const int fd =
        mount_prepared(prepared_fd, "proc", {}, nullptr, kNoSuidDevExec, {root_fd, "proc"});
    check(plan, Step::mount_proc, fd);
    return fd;
}

int bind_host_sys(const Plan& plan, int root_fd, Flags flags) noexcept {
    const int host = raw::openat(AT_FDCWD, "/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
    check(plan, Step::mount_sys, host);
    const BindResult bound = bind(host, flags, true, {root_fd, "sys"});
    check(plan, Step::mount_sys, bound.rc);
    (void)raw::close(host);
    // Recursively read-only is the point here, so without mount_setattr it is an error.
    if (bound.flags_left) fail(plan, Step::mount_sys, -ENOSYS);
    return raw::openat(root_fd, "sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int mount_sys(const Plan& plan, const Prepared& prepared, int root_fd) noexcept {
    check(plan, Step::prepare_directory, make_real_directory(root_fd, "sys", 0555), 1);
    Flags flags = kNoSuidDevExec;
    flags.read_only = !plan.writable_sys;
    int fd = -EPERM;
    if (plan.own_network) {
        fd = mount_prepared(prepared.sys_fd, "sysfs", {}, nullptr, flags, {root_fd, "sys"});
    }
    // EPERM: sysfs shows the network namespace, and only its owner may mount it; or an outer
    // container masks parts of /sys. Then the one that is here, read-only with all below it.
    if (fd == -EPERM) {
        flags.read_only = true;
        return bind_host_sys(plan, root_fd, flags);
    }
    check(plan, Step::mount_sys, fd);
    // Programs read their limits here. A host without it, or with version 1 only, has none to show.
    const int cgroup_fd =
        mount_prepared(prepared.cgroup_fd, "cgroup2", {}, nullptr, kReadOnly, {fd, "fs/cgroup"});
    if (cgroup_fd >= 0) (void)raw::close(cgroup_fd);
    return fd;
}

void bind_device(const Plan& plan, int dev_fd, const Device& device, std::size_t index) noexcept {
    char path[64];
    TextBuffer host(path, sizeof path);
    (void)(host.append("/dev/") && host.append(device.name));
    const int source = raw::openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    check(plan, Step::device, source, index);
    struct stat information {};
    check(plan, Step::device, raw::call(SYS_fstat, source, raw::ptr(&information)), index);
    // The host's /dev may itself be somebody's (an outer container's): believe the numbers only.
    if (!S_ISCHR(information.st_mode) ||
        information.st_rdev != device_number(device.major, device.minor)) {
        fail(plan, Step::device, -ENODEV, index);
    }
    const int place = raw::openat(dev_fd, device.name,
                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    check(plan, Step::device, place, index);
    (void)raw::close(place);
    check(plan, Step::device, bind(source, {}, false, {dev_fd, device.name}).rc, index);
    (void)raw::close(source);
}

void make_links(const Plan& plan, int dev_fd) noexcept {
    constexpr const char* kLinks[][2] = {
        {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
        {"/proc/self/fd/2", "stderr"}, {"/proc/kcore", "core"},      {"pts/ptmx", "ptmx"}};
    for (const auto& link : kLinks) {
        check(plan, Step::dev_link, raw::symlinkat(link[0], dev_fd, link[1]));
    }
}

void mount_dev(const Plan& plan, const Prepared& prepared, int root_fd,
               SystemMounts& system) noexcept {
    check(plan, Step::prepare_directory, make_real_directory(root_fd, "dev", 0755), 2);
    const int dev_fd = mount_prepared(prepared.dev_fd, "tmpfs", {kDevOptions, 2},
                                      "mode=755,size=65536k", kNoSuidExec, {root_fd, "dev"});
    check(plan, Step::mount_dev, dev_fd);
    system.dev_fd = dev_fd;
    for (std::size_t i = 0; i < plan.devices.count; ++i) {
        bind_device(plan, dev_fd, plan.devices.items[i], i);
    }
    make_links(plan, dev_fd);
    constexpr const char* kDirectories[] = {"pts", "shm", "mqueue"};
    for (const char* name : kDirectories) {
        check(plan, Step::mount_dev, raw::mkdirat(dev_fd, name, 0755));
    }
    system.pts_fd =
        mount_new("devpts", plan.devpts_options, plan.devpts_classic, kNoSuidExec, {dev_fd, "pts"});
    check(plan, Step::mount_devpts, system.pts_fd);
    const int shm = mount_prepared(prepared.shm_fd, "tmpfs", plan.shm_options, plan.shm_classic,
                                   kNoSuidDevExec, {dev_fd, "shm"});
    check(plan, Step::mount_shm, shm);
    (void)raw::close(shm);
    const int queues = mount_prepared(prepared.queues_fd, "mqueue", {}, nullptr, kNoSuidDevExec,
                                      {dev_fd, "mqueue"});
    // ENODEV: a kernel without POSIX message queues.
    if (queues != -ENODEV) check(plan, Step::mount_mqueue, queues);
    if (queues >= 0) (void)raw::close(queues);
}

}  // namespace

Prepared prepare_mounts(const Plan& plan) noexcept {
    Prepared prepared;
    // Run by root, these would belong to the caller and not to the container's root.
    if (plan.root.by_descriptor) return prepared;
    prepared.proc_fd = make_detached("proc", {}, kNoSuidDevExec);
    if (prepared.proc_fd == -ENOSYS) return prepared;
    if (plan.own_network) {
        prepared.sys_fd =
            make_detached("sysfs", {}, plan.writable_sys ? kNoSuidDevExec : kReadOnly);
        prepared.cgroup_fd = make_detached("cgroup2", {}, kReadOnly);
    }
    prepared.dev_fd = make_detached("tmpfs", {kDevOptions, 2}, kNoSuidExec);
    prepared.shm_fd = make_detached("tmpfs", plan.shm_options, kNoSuidDevExec);
    prepared.queues_fd = make_detached("mqueue", {}, kNoSuidDevExec);
    return prepared;
}

SystemMounts mount_system(const Plan& plan, const Prepared& prepared, int root_fd) noexcept {
    SystemMounts system;
    system.proc_fd = mount_proc(plan, prepared.proc_fd, root_fd);
    system.sys_fd = mount_sys(plan, prepared, root_fd);
    mount_dev(plan, prepared, root_fd, system);
    return system;
}

}  // namespace sandbox::engine::child
