#include "child/mount_api.hpp"

#include <linux/mount.h>
#include <linux/stat.h>
#include <sys/vfs.h>

// sys/mount.h cannot be had together with linux/mount.h on every libc: these are the old ABI's.
namespace sandbox::engine::child {
namespace {

constexpr unsigned kOpenTreeClone = 1;
constexpr unsigned kAtRecursive = 0x8000;
constexpr unsigned kAtEmptyPath = 0x1000;
constexpr unsigned kFsopenCloexec = 1;
constexpr unsigned kFsmountCloexec = 1;
constexpr unsigned kMoveFromEmptyPath = 0x4;
constexpr unsigned kMoveToEmptyPath = 0x40;
enum class Config : unsigned { flag = 0, string = 1, create = 6 };

// struct mount_attr, first published size. mount_setattr(2).
struct MountAttributes {
    std::uint64_t set = 0, clear = 0, propagation = 0, user_namespace_fd = 0;
};
constexpr std::uint64_t kPrivate = 1u << 18;  // MS_PRIVATE

constexpr unsigned kAttrReadOnly = 0x1, kAttrNoSuid = 0x2, kAttrNoDev = 0x4, kAttrNoExec = 0x8;
constexpr unsigned long kMsReadOnly = 1, kMsNoSuid = 2, kMsNoDev = 4, kMsNoExec = 8,
                        kMsRemount = 32, kMsBind = 4096, kMsRecursive = 16384, kMsNoAtime = 1024,
                        kMsNoDirAtime = 2048, kMsRelAtime = 1u << 21, kMsPrivate = 1u << 18;

unsigned attributes(Flags flags) noexcept {
    return (flags.read_only ? kAttrReadOnly : 0) | (flags.no_suid ? kAttrNoSuid : 0) |
           (flags.no_dev ? kAttrNoDev : 0) | (flags.no_exec ? kAttrNoExec : 0);
}
// The old flags of mount(2) have the same four values.
unsigned long classic_flags(Flags flags) noexcept {
    return attributes(flags);
}

int open_place(Place place) noexcept {
    return raw::openat(place.dir_fd, place.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int mount_new_classic(const char* type, const char* options, Flags flags, Place place) noexcept {
    char path[64 + 256];
    TextBuffer buffer(path, sizeof path);
    if (!classic_path(buffer, place)) return -ENAMETOOLONG;
    const int rc = raw::mount(type, path, type, classic_flags(flags), options);
    return rc < 0 ? rc : open_place(place);
}

BindResult bind_classic(int source_fd, Flags flags, bool recursive, Place place) noexcept {
    char from[32];
    TextBuffer source(from, sizeof from);
    (void)(source.append("/proc/self/fd/") &&
           source.append_number(static_cast<unsigned long>(source_fd)));
    char to[64 + 256];
    TextBuffer target(to, sizeof to);
    if (!classic_path(target, place)) return {-ENAMETOOLONG, false};
    int rc = raw::mount(from, to, nullptr, kMsBind | (recursive ? kMsRecursive : 0), nullptr);
    if (rc == 0) rc = raw::mount(nullptr, to, nullptr, kMsPrivate | kMsRecursive, nullptr);
    if (rc < 0 || attributes(flags) == 0) return {rc, false};
    MountAttributes wanted;
    wanted.set = attributes(flags);
    rc = raw::mount_setattr(place.dir_fd, place.name,
                            AT_SYMLINK_NOFOLLOW | (recursive ? kAtRecursive : 0), &wanted,
                            sizeof wanted);
    return rc == -ENOSYS ? BindResult{0, true} : BindResult{rc, false};
}

// Flags that are already set and that an unprivileged remount must repeat: mount_namespaces(7),
// "locked" flags.
unsigned long present_flags(const char* path) noexcept {
    struct statfs information {};
    if (raw::call(SYS_statfs, raw::ptr(path), raw::ptr(&information)) < 0) return 0;
    const auto seen = static_cast<unsigned long>(information.f_flags);
    unsigned long flags = seen & (kMsReadOnly | kMsNoSuid | kMsNoDev | kMsNoExec);
    // statfs(2) has its own numbers for these: ST_NOATIME 1024, ST_NODIRATIME 2048, ST_RELATIME
    // 4096.
    if ((seen & 1024) != 0) flags |= kMsNoAtime;
    if ((seen & 2048) != 0) flags |= kMsNoDirAtime;
    if ((seen & 4096) != 0) flags |= kMsRelAtime;
    return flags;
}

int remount_one(const char* path, Flags flags) noexcept {
    return raw::mount(nullptr, path, nullptr,
                      kMsRemount | kMsBind | classic_flags(flags) | present_flags(path), nullptr);
}

// mountinfo writes blank, tab, newline and backslash as three octal digits. proc(5).
void unescape(char* text) noexcept {
    char* out = text;
    while (*text != '\0') {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '7' && text[2] != '\0' &&
            text[3] != '\0') {
            *out++ = static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

bool is_below(const char* path, const char* directory) noexcept {
    const std::size_t length = text_length(directory);
    return text_starts_with(path, directory) && path[length] == '/';
}

// Reads mountinfo line by line into `line`; answers false at the end.
class MountLines {
  public:
    explicit MountLines(int fd) noexcept : fd_(fd) {}
    bool next(char* line, std::size_t size) noexcept {
        std::size_t length = 0;
        bool any = false;
        for (;;) {
            if (position_ == filled_) {
                const long rc = raw::read(fd_, buffer_, sizeof buffer_);
                if (rc <= 0) break;
                filled_ = static_cast<std::size_t>(rc);
                position_ = 0;
            }
            any = true;
            const char c = buffer_[position_++];
            if (c == '\n') break;
            if (length + 1 < size) line[length++] = c;
        }
        line[length] = '\0';
        return any;
    }

  private:
    int fd_;
    char buffer_[4096];
    std::size_t position_ = 0, filled_ = 0;
};

// The fifth field, cut out in place.
char* mount_point_of(char* line) noexcept {
    for (int field = 0; field < 4; ++field) {
        while (*line != '\0' && *line != ' ') ++line;
        if (*line == ' ') ++line;
    }
    char* end = line;
    while (*end != '\0' && *end != ' ') ++end;
    *end = '\0';
    unescape(line);
    return line;
}

unsigned long mount_id_of(const char* line) noexcept {
    unsigned long id = 0;
    for (; *line >= '0' && *line <= '9'; ++line) {
        id = id * 10 + static_cast<unsigned long>(*line - '0');
    }
    return id;
}

// Whether the path leads to this mount: false for one that is hidden below another.
bool leads_to(const char* path, unsigned long mount_id) noexcept {
    constexpr unsigned kMountId = 0x1000;  // STATX_MNT_ID, Linux 5.8: older than overlay in here
    struct statx facts {};
    const long rc = raw::call(SYS_statx, AT_FDCWD, raw::ptr(path), AT_SYMLINK_NOFOLLOW, kMountId,
                              raw::ptr(&facts));
    if (rc < 0) return rc != -ENOENT && rc != -ENOTDIR;
    return (facts.stx_mask & kMountId) == 0 || facts.stx_mnt_id == mount_id;
}

}  // namespace

bool classic_path(TextBuffer& buffer, Place place) noexcept {
    return buffer.append("/proc/self/fd/") &&
           buffer.append_number(static_cast<unsigned long>(place.dir_fd)) && buffer.append("/") &&
           buffer.append(place.name);
}

int make_detached(const char* type, List<Option> options, Flags flags) noexcept {
    const int fs_fd = raw::fsopen(type, kFsopenCloexec);
    if (fs_fd < 0) return fs_fd;
    // What mount(8) and df(1) show in front.
    int rc = raw::fsconfig(fs_fd, static_cast<unsigned>(Config::string), "source", type, 0);
    for (const Option& option : options) {
        if (rc < 0) break;
        const Config command = option.value == nullptr ? Config::flag : Config::string;
        rc = raw::fsconfig(fs_fd, static_cast<unsigned>(command), option.key, option.value, 0);
    }
    if (rc == 0) {
        rc = raw::fsconfig(fs_fd, static_cast<unsigned>(Config::create), nullptr, nullptr, 0);
    }
    if (rc == 0) rc = raw::fsmount(fs_fd, kFsmountCloexec, attributes(flags));
    (void)raw::close(fs_fd);
    return rc;
}

int attach(int mount_fd, Place place) noexcept {
    const unsigned itself = place.name[0] == '\0' ? kMoveToEmptyPath : 0;
    return raw::move_mount(mount_fd, "", place.dir_fd, place.name, kMoveFromEmptyPath | itself);
}

int mount_new(const char* type, List<Option> options, const char* classic_options, Flags flags,
              Place place) noexcept {
    const int mount_fd = make_detached(type, options, flags);
    if (mount_fd == -ENOSYS) return mount_new_classic(type, classic_options, flags, place);
    if (mount_fd < 0) return mount_fd;
    const int rc = attach(mount_fd, place);
    if (rc < 0) {
        (void)raw::close(mount_fd);
        return rc;
    }
    return mount_fd;
}

BindResult bind(int source_fd, Flags flags, bool recursive, Place place) noexcept {
    BindResult result = bind_and_keep(source_fd, flags, recursive, place);
    if (result.rc >= 0) {
        (void)raw::close(result.rc);
        result.rc = 0;
    }
    return result;
}

BindResult bind_and_keep(int source_fd, Flags flags, bool recursive, Place place) noexcept {
    const unsigned deep = recursive ? kAtRecursive : 0;
    const int tree_fd =
        raw::open_tree(source_fd, "", kOpenTreeClone | O_CLOEXEC | kAtEmptyPath | deep);
    if (tree_fd == -ENOSYS) {
        BindResult result = bind_classic(source_fd, flags, recursive, place);
        if (result.rc == 0) result.rc = open_place(place);
        return result;
    }
    if (tree_fd < 0) return {tree_fd, false};
    BindResult result;
    if (attributes(flags) != 0) {
        MountAttributes wanted;
        wanted.set = attributes(flags);
        wanted.propagation = kPrivate;
        result.rc = raw::mount_setattr(tree_fd, "", kAtEmptyPath | deep, &wanted, sizeof wanted);
        if (result.rc == -ENOSYS) result = {0, true};
    }
    if (result.rc == 0) result.rc = attach(tree_fd, place);
    if (result.rc == 0) return {tree_fd, result.flags_left};
    (void)raw::close(tree_fd);
    return result;
}

int add_flags(Place place, Flags flags) noexcept {
    MountAttributes wanted;
    wanted.set = attributes(flags);
    const int rc = raw::mount_setattr(
        place.dir_fd, place.name, place.name[0] == '\0' ? kAtEmptyPath : 0, &wanted, sizeof wanted);
    return rc;
}

int remount_classic(const char* path, Flags flags, bool recursive) noexcept {
    int rc = remount_one(path, flags);
    if (rc < 0 || !recursive) return rc;
    const int fd = raw::openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fd;
    MountLines lines(fd);
    char line[8192];
    while (rc == 0 && lines.next(line, sizeof line)) {
        const unsigned long id = mount_id_of(line);
        char* point = mount_point_of(line);
        if (!is_below(point, path)) continue;
        rc = remount_one(point, flags);
        // mount(2), EINVAL: nothing is mounted there.
        if ((rc == -EINVAL || rc == -ENOENT || rc == -ENOTDIR) && !leads_to(point, id)) rc = 0;
    }
    (void)raw::close(fd);
    return rc;
}

}  // namespace sandbox::engine::child
