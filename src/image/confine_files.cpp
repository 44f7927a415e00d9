// The lock-up of a child that works on a container's files: as that of an unpacking child, but for
// a tree that has mounts in it, and with the descriptors that its work needs.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "image/confine.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/image/tree_archive.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

int check(long rc, const char* tried) {
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), tried);
    return static_cast<int>(rc);
}

void close_between(int first, int last) {
    if (first > last) return;
    const int rc = raw::close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0);
    if (rc != -ENOSYS) return;
    for (int fd = first; fd <= std::min(last, 65536); ++fd) (void)raw::close(fd);
}

void close_all_but(std::vector<int> keep) {
    std::sort(keep.begin(), keep.end());
    int next = 3;
    for (const int fd : keep) {
        if (fd < next) continue;
        close_between(next, fd - 1);
        next = fd + 1;
    }
    close_between(next, 0x7fffffff);
    if (kSanitized) return;
    // Nothing that a library prints may reach a terminal or a file.
    const int nowhere =
        check(raw::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), "open the root");
    for (int fd = 0; fd < 3; ++fd) {
        if (std::find(keep.begin(), keep.end(), fd) == keep.end()) {
            check(raw::dup3(nowhere, fd, O_CLOEXEC), "close the standard streams");
        }
    }
    if (nowhere > 2) (void)raw::close(nowhere);
}

}  // namespace

void confine_file_work(kernel::CapabilitySet capabilities, std::vector<int> keep_fds) {
    // A tree is as deep as its maker liked, and each level takes a descriptor.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &files);
    }
    close_all_but(std::move(keep_fds));
    (void)raw::call(SYS_umask, 0);
    load_file_filter(capabilities);
}

void pivot_into_tree() {
    constexpr unsigned kCloneTree = 1u;  // OPEN_TREE_CLONE
    constexpr unsigned kEmptyPath = 4u;  // MOVE_MOUNT_F_EMPTY_PATH
    check(raw::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr),
          "make the mounts private");
    const int rc = raw::open_tree(AT_FDCWD, ".", kCloneTree | AT_RECURSIVE | O_CLOEXEC);
    if (rc == -ENOSYS) {
        check(raw::mount(".", ".", nullptr, MS_BIND | MS_REC, nullptr), "bind the directory");
        // The new mount covers the directory we stand in: enter it by its own name.
        char path[4096];
        const long size = raw::call(SYS_getcwd, raw::ptr(path), sizeof path);
        check(size, "find the directory");
        check(raw::chdir(path), "enter the directory");
    } else {
        const int tree = check(rc, "bind the directory");
        check(raw::move_mount(tree, "", AT_FDCWD, ".", kEmptyPath), "attach the directory");
        check(raw::fchdir(tree), "enter the directory");
        (void)raw::close(tree);
    }
    check(raw::pivot_root(".", "."), "change the root to the directory");
    // pivot_root(2): the old root is stacked on ".", so "." is what must go.
    check(raw::umount2(".", MNT_DETACH), "leave the old root");
    check(raw::chdir("/"), "enter the directory");
}

}  // namespace sandbox::image
