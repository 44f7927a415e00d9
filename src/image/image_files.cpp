#include "image_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>
#include <vector>

#include "codec.hpp"
#include "disk_space.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

using base::IntegrityError;
using base::SysError;
using base::UniqueFd;

constexpr size_t kChunkBytes = 256u << 10;
constexpr int kMaxLinks = 16;

struct stat stat_of(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) throw SysError(errno, "look at", "the archive");
    return info;
}

class DirFiles final : public ImageFiles {
  public:
    explicit DirFiles(UniqueFd dir) : dir_(std::move(dir)) {}
    std::optional<FileRange> try_find(const std::string& path) const override {
        std::optional<UniqueFd> fd =
            base::try_open_in_root(dir_.get(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (!fd) return std::nullopt;
        const struct stat info = stat_of(fd->get());
        if (!S_ISREG(info.st_mode)) throw IntegrityError(base::quote(path) + " is no regular file");
        return FileRange{std::make_shared<const UniqueFd>(std::move(*fd)), 0,
                         static_cast<std::uint64_t>(info.st_size)};
    }

  private:
    UniqueFd dir_;
};

class TarFiles final : public ImageFiles {
  public:
    explicit TarFiles(UniqueFd tar)
        : tar_(std::make_shared<const UniqueFd>(std::move(tar))),
          members_(index_tar(tar_->get())) {}
    std::optional<FileRange> try_find(const std::string& path) const override {
        std::string name = path;
        for (int links = 0; links < kMaxLinks; ++links) {
            const auto member = members_.find(name);
            if (member == members_.end()) return std::nullopt;
            if (!member->second.link_target) {
                return FileRange{tar_, member->second.offset_bytes, member->second.size_bytes};
            }
            name = *member->second.link_target;
        }
        throw IntegrityError("too many links from " + base::quote(path) + " in the archive");
    }

  private:
    std::shared_ptr<const UniqueFd> tar_;
    std::map<std::string, TarMember> members_;
};

size_t read_some(int fd, std::byte* data, size_t size) {
    for (;;) {
        const long rc = base::raw::read(fd, data, size);
        if (rc == -EINTR) continue;
        if (rc < 0) throw SysError(static_cast<int>(-rc), "read", "the archive");
        return static_cast<size_t>(rc);
    }
}

size_t read_full(int fd, std::byte* data, size_t size) {
    size_t done = 0;
    while (done < size) {
        const size_t got = read_some(fd, data + done, size - done);
        if (got == 0) break;
        done += got;
    }
    return done;
}

void write_chunk(int fd, const std::byte* data, size_t size) {
    try {
        base::write_all(fd, {reinterpret_cast<const char*>(data), size});
    } catch (const SysError& error) {
        if (error.errnum() != ENOSPC && error.errnum() != EDQUOT) throw;
        throw NoSpaceError("unpack the archive");
    }
}

// open(2): O_TMPFILE has no name, so nothing is left whatever becomes of us.
UniqueFd open_nameless(const store::Store& store) {
    const int rc = base::raw::openat(store.root_fd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (rc >= 0) return UniqueFd(rc);
    // EOPNOTSUPP, and from old kernels EISDIR or ENOENT: the file system has no such files.
    if (rc != -EOPNOTSUPP && rc != -EISDIR && rc != -ENOENT) {
        throw SysError(-rc, "make a temporary file in", "the store");
    }
    const std::string name = ".tmp-" + base::random_hex(8);
    UniqueFd fd = base::open_at(store.root_fd(), name, O_RDWR | O_CREAT | O_EXCL, 0600);
    base::unlink_at(store.root_fd(), name);
    return fd;
}

// The rest of `fd`, after the `size` bytes in `buffer`, decompressed.
UniqueFd spool(const store::Store& store, int fd, std::vector<std::byte> buffer, size_t size) {
    UniqueFd out = open_nameless(store);
    const Compression compression = detect_compression({buffer.data(), size});
    if (compression == Compression::plain) {
        while (size > 0) {
            write_chunk(out.get(), buffer.data(), size);
            size = read_some(fd, buffer.data(), buffer.size());
        }
        return out;
    }
    const std::unique_ptr<Codec> codec = make_codec(compression);
    std::vector<std::byte> plain(kChunkBytes);
    std::span<const std::byte> input(buffer.data(), size);
    bool last = false;
    for (;;) {
        const Codec::Step step =
            codec->step(input, last ? Codec::Input::last : Codec::Input::more, plain);
        write_chunk(out.get(), plain.data(), step.produced);
        input = input.subspan(step.consumed);
        if (step.ended) return out;
        if (input.empty() && step.produced < plain.size() && !last) {
            const size_t got = read_some(fd, buffer.data(), buffer.size());
            last = got == 0;
            input = {buffer.data(), got};
        } else if (step.consumed == 0 && step.produced == 0) {
            throw IntegrityError("the archive is cut off");
        }
    }
}

}  // namespace

std::optional<std::string> ImageFiles::try_read(const std::string& path,
                                                std::uint64_t limit_bytes) const {
    const std::optional<FileRange> range = try_find(path);
    if (!range) return std::nullopt;
    if (range->size_bytes > limit_bytes) {
        throw IntegrityError(base::quote(path) + " has more than " + std::to_string(limit_bytes) +
                             " bytes");
    }
    std::string text(range->size_bytes, '\0');
    size_t done = 0;
    while (done < text.size()) {
        const long rc = base::raw::pread(range->file->get(), text.data() + done, text.size() - done,
                                         static_cast<std::int64_t>(range->offset_bytes + done));
        if (rc == -EINTR) continue;
        if (rc < 0) throw SysError(static_cast<int>(-rc), "read", base::quote(path));
        if (rc == 0) throw IntegrityError(base::quote(path) + " is cut off");
        done += static_cast<size_t>(rc);
    }
    return text;
}

std::string ImageFiles::read(const std::string& path, std::uint64_t limit_bytes) const {
    std::optional<std::string> text = try_read(path, limit_bytes);
    if (!text) throw IntegrityError("the archive has no file " + base::quote(path));
    return std::move(*text);
}

std::unique_ptr<ImageFiles> open_image_files(const store::Store& store, int fd) {
    const struct stat info = stat_of(fd);
    if (S_ISDIR(info.st_mode)) {
        return std::make_unique<DirFiles>(base::open_at(fd, ".", O_RDONLY | O_DIRECTORY));
    }
    if (S_ISREG(info.st_mode)) {
        std::array<std::byte, 512> head{};
        const long rc = base::raw::pread(fd, head.data(), head.size(), 0);
        if (rc > 0 &&
            looks_like_tar(reinterpret_cast<const char*>(head.data()), static_cast<size_t>(rc))) {
            const int copy = base::raw::fcntl(fd, F_DUPFD_CLOEXEC, 3);
            if (copy < 0) throw SysError(-copy, "keep open", "the archive");
            return std::make_unique<TarFiles>(UniqueFd(copy));
        }
    }
    std::vector<std::byte> buffer(kChunkBytes);
    const size_t size = read_full(fd, buffer.data(), buffer.size());
    if (size == 0) throw base::Error("the archive is empty");
    return std::make_unique<TarFiles>(spool(store, fd, std::move(buffer), size));
}

}  // namespace sandbox::image
