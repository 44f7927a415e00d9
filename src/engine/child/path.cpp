#include "child/path.hpp"

namespace sandbox::engine::child {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel: path_resolution(7)

// Next component of `rest`, cut out and terminated; null at the end.
char* next_component(char*& rest) noexcept {
    while (*rest == '/') ++rest;
    if (*rest == '\0') return nullptr;
    char* component = rest;
    while (*rest != '\0' && *rest != '/') ++rest;
    if (*rest == '/') *rest++ = '\0';
    return component;
}

bool is_link(int fd) noexcept {
    struct stat information {};
    return raw::call(SYS_fstat, fd, raw::ptr(&information)) == 0 && S_ISLNK(information.st_mode);
}

// For kernels and filters without openat2.
int open_plain_by_hand(int root_fd, const char* path, int flags) noexcept {
    char copy[kMaxPath];
    TextBuffer buffer(copy, sizeof copy);
    if (!buffer.append(path)) return -ENAMETOOLONG;
    char* rest = copy;
    int fd = raw::openat(root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char* component = next_component(rest);
    while (fd >= 0 && component != nullptr) {
        char* following = next_component(rest);
        if (text_equal(component, "..")) return raw::close(fd), -EXDEV;
        const int how = following != nullptr ? O_PATH | O_NOFOLLOW : flags | O_NOFOLLOW;
        const int next = raw::openat(fd, component, how | O_CLOEXEC);
        (void)raw::close(fd);
        fd = next;
        if (fd >= 0 && following != nullptr && is_link(fd)) return raw::close(fd), -ELOOP;
        component = following;
    }
    return fd;
}

void cut_last(TextBuffer& path) noexcept {
    std::size_t length = path.length();
    while (length > 0 && path.text()[length - 1] != '/') --length;
    path.cut(length > 0 ? length - 1 : 0);
}

int make_component(int root_fd, TextBuffer& done, const char* name, bool file) noexcept {
    const std::size_t whole = done.length();
    cut_last(done);
    const int parent = open_plain(root_fd, done.text(), O_PATH | O_DIRECTORY);
    (void)(done.length() > 0 && done.append("/"));
    (void)done.append(name);
    if (done.length() != whole) return -ENAMETOOLONG;
    if (parent < 0) return parent;
    int rc = 0;
    if (file) {
        rc = raw::openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (rc >= 0) rc = raw::close(rc);
    } else {
        rc = raw::mkdirat(parent, name, 0755);
    }
    (void)raw::close(parent);
    return rc == -EEXIST ? 0 : rc;
}

// Puts the link's text in front of `rest` (both within `storage`).
int splice_link(int link_fd, char* storage, std::size_t size, char*& rest) noexcept {
    char text[kMaxPath];
    const long length = raw::readlinkat(link_fd, "", text, sizeof text - 1);
    if (length < 0) return static_cast<int>(length);
    const auto link_length = static_cast<std::size_t>(length);
    const std::size_t rest_length = text_length(rest);
    if (link_length + 1 + rest_length + 1 > size) return -ENAMETOOLONG;
    // Backwards, since source and target may overlap.
    if (storage + link_length + 1 > rest) {
        for (std::size_t i = rest_length + 1; i-- > 0;) storage[link_length + 1 + i] = rest[i];
    } else {
        for (std::size_t i = 0; i <= rest_length; ++i) storage[link_length + 1 + i] = rest[i];
    }
    for (std::size_t i = 0; i < link_length; ++i) storage[i] = text[i];
    storage[link_length] = '/';
    rest = storage;
    return 0;
}

int finish(int root_fd, const TextBuffer& done, Target& target) noexcept {
    TextBuffer path(target.path, sizeof target.path);
    if (!path.append(done.text())) return -ENAMETOOLONG;
    if (path.length() == 0) return 0;  // the root itself: no name
    std::size_t start = path.length();
    while (start > 0 && target.path[start - 1] != '/') --start;
    TextBuffer name(target.name, sizeof target.name);
    if (!name.append(target.path + start)) return -ENAMETOOLONG;
    char directory[kMaxPath];
    TextBuffer parent(directory, sizeof directory);
    (void)parent.append(target.path, start > 0 ? start - 1 : 0);
    target.parent_fd = open_plain(root_fd, directory, O_PATH | O_DIRECTORY);
    return target.parent_fd < 0 ? target.parent_fd : 0;
}

class Walk {
  public:
    Walk(int root_fd, Want want) noexcept : root_fd_(root_fd), want_(want) {}

    int run(const char* path, Target& target) noexcept {
        TextBuffer start(storage_, sizeof storage_);
        if (!start.append(path)) return -ENAMETOOLONG;
        rest_ = storage_;
        while (char* component = next_component(rest_)) {
            const int rc = step(component, target);
            if (rc < 0) return rc;
        }
        return finish(root_fd_, done_, target);
    }

  private:
    int step(const char* component, Target& target) noexcept {
        target.made = false;
        if (text_equal(component, ".")) return 0;
        if (text_equal(component, "..")) {
            cut_last(done_);
            return 0;
        }
        char name[256];
        TextBuffer copy(name, sizeof name);
        if (!copy.append(component)) return -ENAMETOOLONG;
        if (done_.length() > 0 && !done_.append("/")) return -ENAMETOOLONG;
        if (!done_.append(name)) return -ENAMETOOLONG;
        const char* ahead = rest_;
        while (*ahead == '/') ++ahead;
        const bool last = *ahead == '\0';
        int fd = open_plain(root_fd_, done_.text(), O_PATH | O_NOFOLLOW);
        if (fd == -ENOENT) {
            if (want_ == Want::anything) return fd;
            const int rc = make_component(root_fd_, done_, name, last && want_ == Want::file);
            if (rc < 0) return rc;
            target.made = true;
            fd = open_plain(root_fd_, done_.text(), O_PATH | O_NOFOLLOW);
        }
        if (fd < 0) return fd;
        const int rc = enter(fd, last, target);
        (void)raw::close(fd);
        return rc;
    }

    int enter(int fd, bool last, Target& target) noexcept {
        struct stat information {};
        const long rc = raw::call(SYS_fstat, fd, raw::ptr(&information));
        if (rc < 0) return static_cast<int>(rc);
        if (S_ISLNK(information.st_mode)) {
            if (++links_ > kMaxLinks) return -ELOOP;
            const int spliced = splice_link(fd, storage_, sizeof storage_, rest_);
            if (spliced < 0) return spliced;
            if (storage_[0] == '/') {
                done_.clear();
            } else {
                cut_last(done_);
            }
            return 0;
        }
        target.is_directory = S_ISDIR(information.st_mode);
        if (!last) return target.is_directory ? 0 : -ENOTDIR;
        if (want_ == Want::directory && !target.is_directory) return -ENOTDIR;
        if (want_ == Want::file && target.is_directory) return -EISDIR;
        return 0;
    }

    int root_fd_;
    Want want_;
    int links_ = 0;
    char storage_[2 * kMaxPath];
    char* rest_ = nullptr;
    char done_text_[kMaxPath];
    TextBuffer done_{done_text_, sizeof done_text_};
};

}  // namespace

int open_plain(int root_fd, const char* path, int flags) noexcept {
    const char* relative = path[0] == '\0' ? "." : path;
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    int rc = 0;
    do {
        rc = raw::openat2(root_fd, relative, how);
        // EAGAIN: something was renamed or mounted meanwhile; openat2(2) says to try again.
    } while (rc == -EAGAIN);
    return rc == -ENOSYS ? open_plain_by_hand(root_fd, relative, flags) : rc;
}

int resolve_or_make(int root_fd, const char* path, Want want, Target& target) noexcept {
    Walk walk(root_fd, want);
    return walk.run(path, target);
}

int make_real_directory(int root_fd, const char* name, mode_t mode) noexcept {
    int fd = raw::openat(root_fd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) return raw::close(fd);
    // ELOOP is never answered for O_PATH|O_NOFOLLOW: a link is "not a directory".
    if (fd != -ENOENT && fd != -ENOTDIR) return fd;
    if (fd == -ENOTDIR) {
        const int rc = raw::unlinkat(root_fd, name);
        if (rc < 0) return rc;
    }
    return raw::mkdirat(root_fd, name, mode);
}

}  // namespace sandbox::engine::child
