#include "engine/callers_streams.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

constexpr mode_t kAll = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;

// pipe(7): one without a name. The mode of a FIFO is that of a file, and its owner's to choose.
bool is_nameless(int fd) noexcept {
    struct statfs info {};
    return ::fstatfs(fd, &info) == 0 && info.f_type == PIPEFS_MAGIC;
}

bool share(int fd, mode_t wanted) noexcept {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return true;  // closed: nobody opens it
    if (S_ISCHR(info.st_mode)) return true;
    if (S_ISSOCK(info.st_mode)) return false;  // open(2), ENXIO: by nobody
    if ((info.st_mode & wanted) != 0) return true;
    // The mode of a pipe counts only when it is opened anew through /proc/PID/fd (proc(5)), which
    // takes the rights of ptrace: to nobody outside of the container does this open anything.
    return S_ISFIFO(info.st_mode) && info.st_uid == ::geteuid() && is_nameless(fd) &&
           base::raw::fchmod(fd, kAll) == 0;
}

}  // namespace

bool share_input(int fd) noexcept {
    return share(fd, S_IROTH);
}

bool share_output(int fd) noexcept {
    return share(fd, S_IWOTH);
}

bool is_same_file(int a_fd, int b_fd) noexcept {
    struct stat a {};
    struct stat b {};
    return ::fstat(a_fd, &a) == 0 && ::fstat(b_fd, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

}  // namespace sandbox::engine
