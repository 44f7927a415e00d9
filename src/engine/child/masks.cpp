#include "child/path.hpp"
#include "child/steps.hpp"

// What of /proc and /sys is hidden or read-only, and the namespaced settings that are made before
// /proc/sys becomes read-only.
namespace sandbox::engine::child {
namespace {

// Hides paths below one directory: directories by one shared, empty, read-only tmpfs; files by the
// host's null device, whose numbers are checked (never the container's /dev/null).
class Hider {
  public:
    explicit Hider(const Plan& plan) noexcept : plan_(plan) {}
    Hider(const Hider&) = delete;
    Hider& operator=(const Hider&) = delete;
    ~Hider() {
        if (null_fd_ >= 0) (void)raw::close(null_fd_);
        if (empty_fd_ >= 0) (void)raw::close(empty_fd_);
    }

    void hide(int dir_fd, const char* path, std::size_t index) noexcept {
        const int fd = open_plain(dir_fd, path, O_PATH | O_NOFOLLOW);
        if (fd == -ENOENT || fd == -ENOTDIR) return;  // nothing to hide on this kernel
        check(plan_, Step::mask_path, fd, index);
        struct stat information {};
        check(plan_, Step::mask_path, raw::call(SYS_fstat, fd, raw::ptr(&information)), index);
        (void)raw::close(fd);
        const int rc = S_ISDIR(information.st_mode) ? hide_directory({dir_fd, path})
                                                    : hide_file({dir_fd, path});
        check(plan_, Step::mask_path, rc, index);
    }

  private:
    int hide_directory(Place place) noexcept {
        const Flags flags{true, true, true, true};
        if (empty_fd_ < 0) {
            constexpr Option kOptions[] = {{"size", "4k"}, {"nr_inodes", "1"}, {"mode", "555"}};
            empty_fd_ =
                mount_new("tmpfs", {kOptions, 3}, "size=4k,nr_inodes=1,mode=555", flags, place);
            return empty_fd_;
        }
        return bind(empty_fd_, {}, false, place).rc;
    }

    int hide_file(Place place) noexcept {
        if (null_fd_ < 0) {
            null_fd_ = raw::openat(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
            if (null_fd_ < 0) return null_fd_;
            struct stat information {};
            const long rc = raw::call(SYS_fstat, null_fd_, raw::ptr(&information));
            if (rc < 0) return static_cast<int>(rc);
            if (!S_ISCHR(information.st_mode) || information.st_rdev != device_number(1, 3)) {
                return -ENODEV;
            }
        }
        return bind(null_fd_, {}, false, place).rc;
    }

    const Plan& plan_;
    int null_fd_ = -1;
    int empty_fd_ = -1;
};

void make_read_only(const Plan& plan, int proc_fd, const char* path, std::size_t index) noexcept {
    const int fd = open_plain(proc_fd, path, O_PATH | O_NOFOLLOW);
    if (fd == -ENOENT) return;
    check(plan, Step::read_only_path, fd, index);
    const Flags flags{true, true, true, true};
    const BindResult bound = bind(fd, flags, false, {proc_fd, path});
    (void)raw::close(fd);
    check(plan, Step::read_only_path, bound.rc, index);
    if (bound.flags_left) {
        char text[320];
        TextBuffer target(text, sizeof text);
        if (!classic_path(target, {proc_fd, path})) return;
        check(plan, Step::read_only_path, remount_classic(text, flags, false), index);
    }
}

}  // namespace

void write_sysctls(const Plan& plan, int proc_fd) noexcept {
    for (std::size_t i = 0; i < plan.sysctls.count; ++i) {
        const Sysctl& sysctl = plan.sysctls.items[i];
        char text[512];
        TextBuffer path(text, sizeof text);
        if (!path.append("sys/") || !path.append(sysctl.path)) {
            fail(plan, Step::sysctl, -ENAMETOOLONG, i);
        }
        // By a descriptor of our own instance of proc: nobody can have put another file there.
        const int fd = open_plain(proc_fd, text, O_WRONLY | O_NOFOLLOW);
        check(plan, Step::sysctl, fd, i);
        check(plan, Step::sysctl, raw::write(fd, sysctl.value, text_length(sysctl.value)), i);
        (void)raw::close(fd);
    }
}

void hide_paths(const Plan& plan, const SystemMounts& system) noexcept {
    Hider hider(plan);
    for (std::size_t i = 0; i < plan.masked_proc.count; ++i) {
        hider.hide(system.proc_fd, plan.masked_proc.items[i], i);
    }
    for (std::size_t i = 0; i < plan.masked_sys.count; ++i) {
        hider.hide(system.sys_fd, plan.masked_sys.items[i], plan.masked_proc.count + i);
    }
    for (std::size_t i = 0; i < plan.read_only_proc.count; ++i) {
        make_read_only(plan, system.proc_fd, plan.read_only_proc.items[i], i);
    }
}

}  // namespace sandbox::engine::child
