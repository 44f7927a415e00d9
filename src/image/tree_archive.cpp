// Tree → tar. Every object is looked at by lstat, opened without following a link, and looked at
// again: a container may swap it for something else at any moment, and then it is left out, or
// archived as what it has become. FIFOs and devices are never opened.
#include "sandbox/image/tree_archive.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "image/tar_writer.hpp"
#include "image/xattr_policy.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/owner_mark.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::UniqueFd;

constexpr size_t kMaxLines = 20;  // of notices and of failures
constexpr size_t kMaxXattrBytes = 64u << 10;
constexpr size_t kMaxPieces = 1u << 16;  // of a sparse file; more: no holes
constexpr std::uint64_t kMinHoleBytes = 64u << 10;
constexpr std::uint64_t kMaxUnsizedBytes = 4u << 20;  // of a file that says it is empty

struct Inode {
    dev_t device;
    ino_t number;
    auto operator<=>(const Inode&) const = default;
};

EntryType type_of(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFDIR:
            return EntryType::directory;
        case S_IFLNK:
            return EntryType::symlink;
        case S_IFIFO:
            return EntryType::fifo;
        case S_IFCHR:
            return EntryType::char_device;
        case S_IFBLK:
            return EntryType::block_device;
        case S_IFSOCK:
            return EntryType::socket;
        default:
            return EntryType::file;
    }
}

std::string read_link(int parent_fd, const std::string& name) {
    std::string text(PATH_MAX, '\0');
    const long rc = raw::readlinkat(parent_fd, name.c_str(), text.data(), text.size());
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read link", base::quote(name));
    text.resize(static_cast<size_t>(rc));
    return text;
}

std::vector<TarXattr> read_xattrs(int fd) {
    std::vector<TarXattr> kept;
    static std::array<char, kMaxXattrBytes> names, value;  // most files have none: no setting up
    const long size =
        raw::call(SYS_flistxattr, fd, raw::ptr(names.data()), static_cast<long>(names.size()));
    if (size <= 0) return kept;  // none, or a file system without them
    for (const std::string& name : base::split({names.data(), static_cast<size_t>(size)}, '\0')) {
        const XattrRule rule = xattr_rule(name);
        if (name.empty() || rule == XattrRule::overlay || rule == XattrRule::host) continue;
        const long length = raw::call(SYS_fgetxattr, fd, raw::ptr(name.c_str()),
                                      raw::ptr(value.data()), static_cast<long>(value.size()));
        if (length < 0) continue;
        std::string bytes(value.data(), static_cast<size_t>(length));
        if (rule == XattrRule::file_capability) {
            std::optional<std::string> portable = portable_capability(bytes);
            if (!portable) continue;
            bytes = std::move(*portable);
        }
        kept.push_back({name, std::move(bytes)});
    }
    std::sort(kept.begin(), kept.end(),
              [](const TarXattr& a, const TarXattr& b) { return a.name < b.name; });
    return kept;
}

// Empty: no holes worth the name. lseek(2), SEEK_DATA.
SparseMap find_pieces(int fd, std::uint64_t size) {
    SparseMap pieces;
    off_t at = 0;
    const auto end = static_cast<off_t>(size);
    while (at < end) {
        const off_t data = ::lseek(fd, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) break;  // the rest is a hole
        if (data < 0) return {};
        const off_t hole = ::lseek(fd, data, SEEK_HOLE);
        if (hole < 0 || pieces.size() == kMaxPieces) return {};
        const off_t stop = std::min(hole, end);
        if (data < stop) {
            pieces.push_back(
                {static_cast<std::uint64_t>(data), static_cast<std::uint64_t>(stop - data)});
        }
        at = stop;
        if (data >= end) break;
    }
    return pieces;
}

bool may_have_holes(const struct stat& info) {
    const auto stored = static_cast<std::uint64_t>(info.st_blocks) * 512;
    const auto size = static_cast<std::uint64_t>(info.st_size);
    return size >= kMinHoleBytes && stored + kMinHoleBytes / 2 < size;
}

}  // namespace

struct TreeArchive::Impl {
    Impl(int out_fd, const ArchiveOptions& wished) : tar(out_fd), options(wished) {}

    TarWriter tar;
    ArchiveOptions options;
    FileReport report;
    std::map<Inode, std::string> links;  // first names of files with several

    void note(std::vector<std::string>& lines, const std::string& line) {
        if (lines.size() < kMaxLines) lines.push_back(line);
        if (lines.size() == kMaxLines) lines.emplace_back("and more of the kind");
    }
    void notice(const std::string& path, const std::string& what) {
        note(report.notices, base::quote(path) + " " + what);
    }
    void fail(const std::string& path, int errnum) {
        if (errnum == ENOENT && report.entries > 0) {  // not what was asked for itself
            notice(path, "vanished while it was copied");
        } else {
            note(report.failures, base::quote(path) + ": " + base::errno_text(errnum));
        }
    }

    TarEntry make_entry(const struct stat& info, const std::string& tar_name,
                        const std::string& real_path) const {
        TarEntry entry;
        entry.path = tar_name;
        entry.type = type_of(info.st_mode);
        entry.mode = info.st_mode & 07777;
        entry.uid = info.st_uid;
        entry.gid = info.st_gid;
        if (options.owners != nullptr) {
            const auto known = options.owners->find(real_path);
            if (known != options.owners->end()) {
                entry.uid = known->second.first;
                entry.gid = known->second.second;
            }
        }
        entry.mtime_seconds = info.st_mtim.tv_sec;
        if (options.nanoseconds) {
            entry.mtime_nanoseconds = static_cast<std::uint32_t>(info.st_mtim.tv_nsec);
        }
        if (entry.type == EntryType::char_device || entry.type == EntryType::block_device) {
            entry.device_major = major(info.st_rdev);
            entry.device_minor = minor(info.st_rdev);
        }
        return entry;
    }

    void add(int parent_fd, const std::string& name, const std::string& tar_name,
             const std::string& real_path, bool deep) {
        struct stat info {};
        if (::fstatat(parent_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            return fail(real_path, errno);
        }
        if (S_ISDIR(info.st_mode)) {
            return add_directory(parent_fd, name, tar_name, real_path, deep);
        }
        if (info.st_nlink > 1 && add_hard_link(info, tar_name, real_path)) return;
        if (S_ISREG(info.st_mode)) {
            add_file(parent_fd, name, tar_name, real_path);
        } else {
            add_special(parent_fd, name, info, tar_name, real_path);
        }
    }

    // Answers whether an earlier name of the same file is in the archive.
    bool add_hard_link(const struct stat& info, const std::string& tar_name,
                       const std::string& real_path) {
        const auto [known, fresh] = links.try_emplace({info.st_dev, info.st_ino}, tar_name);
        if (fresh) return false;
        TarEntry entry = make_entry(info, tar_name, real_path);
        entry.type = EntryType::hard_link;
        entry.link_target = known->second;
        write(entry);
        return true;
    }

    void write(const TarEntry& entry) {
        tar.add(entry);
        ++report.entries;
    }

    void add_special(int parent_fd, const std::string& name, const struct stat& info,
                     const std::string& tar_name, const std::string& real_path) {
        TarEntry entry = make_entry(info, tar_name, real_path);
        take_from_table(entry, parent_fd, name.c_str());
        if (entry.type == EntryType::socket) {
            return notice(real_path, "is a socket and was left out");
        }
        if (entry.type == EntryType::symlink) {
            try {
                entry.link_target = read_link(parent_fd, name);
            } catch (const base::SysError& error) {
                return fail(real_path, error.errnum());
            }
        }
        write(entry);
    }

    void take_from_table(TarEntry& entry, int dir_fd, const char* name) const {
        FileBirth birth;
        if (options.table == nullptr || options.table->empty()) return;
        if (!look_at_birth(dir_fd, name, birth)) return;
        const auto known = options.table->find(birth);
        if (known == options.table->end()) return;
        const FileOwner& owner = known->second;
        entry.uid = owner.uid;
        entry.gid = owner.gid;
        if (owner.device == 0) return;
        entry.type = type_of(owner.device);
        entry.device_major = owner.device_major;
        entry.device_minor = owner.device_minor;
    }

    // What the file says of itself counts more than what its image said.
    void take_mark(TarEntry& entry, int fd) const {
        if (const auto owner = read_owner_mark(fd)) {
            entry.uid = owner->uid;
            entry.gid = owner->gid;
        } else {
            take_from_table(entry, fd, "");
        }
    }

    void add_directory(int parent_fd, const std::string& name, const std::string& tar_name,
                       const std::string& real_path, bool deep) {
        const int rc =
            raw::openat(parent_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (rc < 0) return fail(real_path, -rc);
        const UniqueFd dir(rc);
        struct stat info {};
        if (::fstat(dir.get(), &info) != 0) return fail(real_path, errno);
        TarEntry entry = make_entry(info, tar_name, real_path);
        take_mark(entry, dir.get());
        entry.xattrs = read_xattrs(dir.get());
        write(entry);
        if (!deep) return;
        std::vector<std::string> names;
        try {
            names = base::list_dir(dir.get());
        } catch (const base::SysError& error) {
            return fail(real_path, error.errnum());
        }
        const std::string below = tar_name.ends_with('/') ? tar_name : tar_name + "/";
        for (const std::string& child : names) {
            const std::string path = real_path.empty() ? child : real_path + "/" + child;
            add(dir.get(), child, below + child, path, true);
        }
    }

    void add_file(int parent_fd, const std::string& name, const std::string& tar_name,
                  const std::string& real_path) {
        const int rc = raw::openat(parent_fd, name.c_str(),
                                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (rc < 0) return fail(real_path, -rc);
        const UniqueFd file(rc);
        struct stat info {};
        if (::fstat(file.get(), &info) != 0) return fail(real_path, errno);
        if (!S_ISREG(info.st_mode)) {
            return notice(real_path, "became something else while it was copied");
        }
        TarEntry entry = make_entry(info, tar_name, real_path);
        take_mark(entry, file.get());
        entry.xattrs = read_xattrs(file.get());
        entry.size_bytes = static_cast<std::uint64_t>(info.st_size);
        ++report.entries;
        if (entry.size_bytes == 0) return add_unsized(file.get(), entry, real_path);
        if (options.holes && may_have_holes(info)) {
            const SparseMap pieces = find_pieces(file.get(), entry.size_bytes);
            if (!pieces.empty() || info.st_blocks == 0) {
                return add_pieces(file.get(), entry, pieces, real_path);
            }
        }
        tar.add(entry);
        copy(file.get(), 0, entry.size_bytes, real_path);
        tar.end_data();
    }

    void add_pieces(int fd, const TarEntry& entry, const SparseMap& pieces,
                    const std::string& real_path) {
        tar.add_sparse(entry, pieces);
        for (const SparsePiece& piece : pieces) {
            copy(fd, piece.offset, piece.size_bytes, real_path);
        }
        tar.end_data();
    }

    void copy(int fd, std::uint64_t offset, std::uint64_t size, const std::string& real_path) {
        const std::uint64_t lacking = tar.copy_data(fd, offset, size);
        if (lacking > 0) {
            notice(real_path, "shrank by " + std::to_string(lacking) +
                                  " bytes while it was copied, which are zeros in the copy");
        }
    }

    // Files of /proc and /sys say that they are empty, and are not.
    void add_unsized(int fd, TarEntry& entry, const std::string& real_path) {
        std::string content;
        try {
            char chunk[4096];
            while (content.size() < kMaxUnsizedBytes) {
                const long rc = raw::read(fd, chunk, sizeof chunk);
                if (rc == -EINTR) continue;
                if (rc < 0) {
                    fail(real_path, static_cast<int>(-rc));
                    break;
                }
                if (rc == 0) break;
                content.append(chunk, static_cast<size_t>(rc));
            }
        } catch (const std::bad_alloc&) {
            content.clear();
        }
        entry.size_bytes = content.size();
        tar.add(entry);
        tar.write_data(content);
        tar.end_data();
    }
};

TreeArchive::TreeArchive(int out_fd, const ArchiveOptions& options)
    : impl_(std::make_unique<Impl>(out_fd, options)) {}
TreeArchive::~TreeArchive() = default;

void TreeArchive::add(int parent_fd, const std::string& name, const std::string& tar_name,
                      const std::string& real_path) {
    impl_->add(parent_fd, name, tar_name, real_path, true);
}

void TreeArchive::add_one(int parent_fd, const std::string& name, const std::string& tar_name,
                          const std::string& real_path) {
    impl_->add(parent_fd, name, tar_name, real_path, false);
}

void TreeArchive::add_mark(const std::string& tar_name) {
    TarEntry entry;
    entry.path = tar_name;
    entry.mode = 0;
    impl_->write(entry);
}

FileReport TreeArchive::finish() {
    impl_->tar.finish();
    impl_->report.bytes = impl_->tar.bytes();
    return std::move(impl_->report);
}

}  // namespace sandbox::image
