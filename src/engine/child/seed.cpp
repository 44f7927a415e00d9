#include <linux/xattr.h>

#include "child/steps.hpp"

// Copies what the image has at a volume's target into the new volume: contents, owners, modes,
// times, links, extended attributes. Device nodes and sockets are left out.
namespace sandbox::engine::child {
namespace {

constexpr int kMaxDepth = 256;  // of directories; each level takes a buffer of the stack
constexpr std::size_t kDirectoryBytes = 8192;
constexpr std::size_t kCopyBytes = 64u << 10;

struct Entry {
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
};

alignas(16) char copy_buffer[kCopyBytes];
char attribute_names[kCopyBytes];

// Owners beyond the map (a file that shows as "nobody") cannot be given to anybody.
int set_owner(int fd, const struct stat& from) noexcept {
    const int rc = raw::fchown(fd, from.st_uid, from.st_gid);
    return rc == -EINVAL || rc == -EPERM ? 0 : rc;
}

void copy_attributes(int from_fd, int to_fd) noexcept {
    const long size =
        raw::call(SYS_flistxattr, from_fd, raw::ptr(attribute_names), sizeof attribute_names);
    for (long at = 0; at < size;) {
        const char* name = attribute_names + at;
        at += static_cast<long>(text_length(name)) + 1;
        if (text_starts_with(name, "user.overlay.") || text_starts_with(name, "trusted.")) continue;
        const long value =
            raw::call(SYS_fgetxattr, from_fd, raw::ptr(name), raw::ptr(copy_buffer), kCopyBytes);
        // An attribute that the volume's file system does not keep is not worth failing for.
        if (value >= 0) {
            (void)raw::fsetxattr(to_fd, name, copy_buffer, static_cast<std::size_t>(value), 0);
        }
    }
}

int finish(int from_fd, int to_fd, const struct stat& from) noexcept {
    int rc = set_owner(to_fd, from);
    if (rc == 0) rc = raw::fchmod(to_fd, from.st_mode & 07777);  // after chown, which clears setuid
    if (rc < 0) return rc;
    copy_attributes(from_fd, to_fd);
    const timespec times[2] = {from.st_atim, from.st_mtim};
    return raw::utimensat(to_fd, nullptr, times, 0);
}

int copy_bytes(int from_fd, int to_fd) noexcept {
    for (;;) {
        const long size = raw::read(from_fd, copy_buffer, kCopyBytes);
        if (size == 0) return 0;
        if (size == -EINTR) continue;
        if (size < 0) return static_cast<int>(size);
        for (long done = 0; done < size;) {
            const long rc =
                raw::write(to_fd, copy_buffer + done, static_cast<std::size_t>(size - done));
            if (rc == -EINTR) continue;
            if (rc < 0) return static_cast<int>(rc);
            done += rc;
        }
    }
}

int copy_file(int from_dir, int to_dir, const char* name, const struct stat& from) noexcept {
    const int in = raw::openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (in < 0) return in;
    const int out =
        raw::openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = out;
    if (out >= 0) {
        rc = copy_bytes(in, out);
        if (rc == 0) rc = finish(in, out, from);
        (void)raw::close(out);
    }
    (void)raw::close(in);
    return rc;
}

int copy_link(int from_dir, int to_dir, const char* name, const struct stat& from) noexcept {
    const long length = raw::readlinkat(from_dir, name, copy_buffer, 4096);
    if (length < 0) return static_cast<int>(length);
    copy_buffer[length] = '\0';
    int rc = raw::symlinkat(copy_buffer, to_dir, name);
    if (rc < 0) return rc;
    rc = raw::fchownat(to_dir, name, from.st_uid, from.st_gid, AT_SYMLINK_NOFOLLOW);
    if (rc == -EINVAL || rc == -EPERM) rc = 0;
    const timespec times[2] = {from.st_atim, from.st_mtim};
    return rc < 0 ? rc : raw::utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW);
}

int copy_tree(int from_fd, int to_fd, int depth) noexcept;

int copy_directory(int from_dir, int to_dir, const char* name, int depth) noexcept {
    const int in = raw::openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0) return in;
    int rc = raw::mkdirat(to_dir, name, 0700);
    int out = -1;
    if (rc == 0) {
        out = raw::openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        rc = out < 0 ? out : copy_tree(in, out, depth + 1);
    }
    if (out >= 0) (void)raw::close(out);
    (void)raw::close(in);
    return rc;
}

int copy_entry(int from_fd, int to_fd, const char* name, int depth) noexcept {
    struct stat from {};
    const long rc =
        raw::call(SYS_newfstatat, from_fd, raw::ptr(name), raw::ptr(&from), AT_SYMLINK_NOFOLLOW);
    if (rc < 0) return static_cast<int>(rc);
    switch (from.st_mode & S_IFMT) {
        case S_IFDIR:
            return copy_directory(from_fd, to_fd, name, depth);
        case S_IFREG:
            return copy_file(from_fd, to_fd, name, from);
        case S_IFLNK:
            return copy_link(from_fd, to_fd, name, from);
        case S_IFIFO:
            return raw::mknodat(to_fd, name, S_IFIFO | (from.st_mode & 0777), 0);
        default:
            return 0;
    }
}

int copy_tree(int from_fd, int to_fd, int depth) noexcept {
    if (depth > kMaxDepth) return -ELOOP;
    alignas(8) char buffer[kDirectoryBytes];
    long filled = 0;
    while ((filled = raw::call(SYS_getdents64, from_fd, raw::ptr(buffer), sizeof buffer)) > 0) {
        for (long at = 0; at < filled;) {
            const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
            at += entry->length;
            if (text_equal(entry->name, ".") || text_equal(entry->name, "..")) continue;
            const int rc = copy_entry(from_fd, to_fd, entry->name, depth);
            if (rc < 0) return rc;
        }
    }
    if (filled < 0) return static_cast<int>(filled);
    struct stat from {};
    const long rc = raw::call(SYS_fstat, from_fd, raw::ptr(&from));
    return rc < 0 ? static_cast<int>(rc) : finish(from_fd, to_fd, from);
}

}  // namespace

int seed_directory(int from_fd, int to_fd) noexcept {
    return copy_tree(from_fd, to_fd, 0);
}

}  // namespace sandbox::engine::child
