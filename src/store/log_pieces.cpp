#include "store/log_pieces.hpp"

#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "store/log_format.hpp"

namespace sandbox::store {
namespace {

namespace raw = base::raw;
using namespace log_format;

// What makes it worth while to write a piece anew: its size, and that it is still in memory, as
// after a flood. Others would have to be read for every block of which a part is written.
constexpr std::uint64_t kBigPieceBytes = 4u << 20;
constexpr std::chrono::seconds kFloodFills{30};

// Where that is refused, readers leave out what is no whole record.
void cut(int fd, std::uint64_t size) noexcept {
    (void)raw::call(SYS_ftruncate, fd, static_cast<long>(size));
}

// What has been written of it, off.
std::span<iovec> advance(std::span<iovec> parts, size_t count) noexcept {
    while (!parts.empty() && count >= parts.front().iov_len) {
        count -= parts.front().iov_len;
        parts = parts.subspan(1);
    }
    if (!parts.empty()) {
        parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + count;
        parts.front().iov_len -= count;
    }
    return parts;
}

}  // namespace

LogPieces::LogPieces(int container_dir_fd, const LogOptions& options,
                     std::uint64_t least_piece_bytes, Mend mend, Reuse reuse)
    : mend_(mend), shared_place_(!options.path.empty()) {
    auto found = try_open_log_place(container_dir_fd, options, true);
    if (!found) throw base::SysError(ENOENT, "open the log's directory");
    place_ = std::move(*found);
    const std::uint64_t total = std::max<std::uint64_t>(options.max_size_bytes, 4096);
    max_pieces_ = std::max<size_t>(options.max_files, 2);
    limit_ = std::max(options.max_files < 2 ? total / 2 : total, least_piece_bytes);
    reuses_ = reuse == Reuse::when_big && !shared_place_ && limit_ >= kBigPieceBytes;
    older_ = list_pieces(place_.dir.get(), place_.file);
    const int rc = open();
    if (rc == -EWOULDBLOCK) {
        throw base::Error(
            "log file " + base::quote(options.path) + " is in use by another container",
            "give each container a --log-opt path of its own", base::exit_code::kEngine);
    }
    if (rc < 0) throw base::SysError(-rc, "open log", base::quote(place_.file));
}

// Answers 0 or -errno; without a file every batch is lost, and the next one tries again.
int LogPieces::open() noexcept {
    const int opened =
        raw::openat(place_.dir.get(), place_.file.c_str(),
                    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (opened < 0) return opened;
    base::UniqueFd file(opened);
    struct stat info {};
    if (::fstat(opened, &info) != 0) return -errno;
    if (!S_ISREG(info.st_mode)) return -EINVAL;
    if (shared_place_ && ::flock(opened, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return -EWOULDBLOCK;
    }
    const auto found = static_cast<std::uint64_t>(info.st_size);
    size_ = found == 0 ? 0 : mend_(opened, found);
    labelled_ = try_label(opened).has_value();
    if (!labelled_ && size_ < found) cut(opened, size_);
    fd_ = std::move(file);
    begun_ = std::chrono::steady_clock::now();
    if (!labelled_) return 0;
    // Not O_APPEND, for what is behind its end.
    if (const int rc = raw::fcntl(opened, F_SETFL, O_NONBLOCK); rc < 0) return rc;
    return publish();
}

// All older pieces are about as big as they may be.
void LogPieces::remove_oldest() noexcept {
    while (older_.size() + 1 > max_pieces_) {
        try {
            const std::string name = piece_name(place_.file, older_.front());
            if (!remover_.remove(place_.dir.get(), name, limit_)) return;
        } catch (const std::bad_alloc&) {
            return;
        }
        older_.erase(older_.begin());
    }
}

// The youngest piece's, when it will have one.
std::uint64_t LogPieces::next_number() const noexcept {
    return older_.empty() ? 1 : older_.back() + 1;
}

// Readers see what has been written.
int LogPieces::publish() noexcept {
    return labelled_ ? write_label(fd_.get(), {.number = next_number(), .end_bytes = size_}) : 0;
}

bool LogPieces::try_reuse_oldest() noexcept {
    const auto now = std::chrono::steady_clock::now();
    if (!reuses_ || older_.size() != max_pieces_ || now - begun_ > kFloodFills) return false;
    try {
        const std::string name = piece_name(place_.file, older_.front());
        fd_ = try_recycle(place_.dir.get(), name, place_.file, next_number());
    } catch (const std::bad_alloc&) {
        return false;
    }
    if (!fd_) return false;
    older_.erase(older_.begin());
    labelled_ = true;
    size_ = kLabelBytes;
    begun_ = now;
    return true;
}

// By the user's hand, as people empty logs: what follows must not lie behind a hole.
void LogPieces::notice_cut() noexcept {
    struct stat info {};
    if (::fstat(fd_.get(), &info) != 0) return;
    if (static_cast<std::uint64_t>(info.st_size) >= size_) return;
    size_ = kLabelBytes;
    (void)publish();  // first, or its first bytes would be taken for those of a text
}

bool LogPieces::try_rotate() noexcept {
    const std::uint64_t number = next_number();
    try {
        older_.reserve(older_.size() + 1);
        const std::string name = piece_name(place_.file, number);
        const int rc =
            raw::renameat2(place_.dir.get(), place_.file.c_str(), place_.dir.get(), name.c_str());
        if (rc == 0) {
            older_.push_back(number);
        } else if (rc != -ENOENT) {  // ENOENT: the user took it away
            return false;
        }
    } catch (const std::bad_alloc&) {
        return false;
    }
    fd_.reset();
    size_ = 0;
    labelled_ = false;
    if (try_reuse_oldest()) return true;
    remove_oldest();
    return open() == 0;
}

void LogPieces::rotate() noexcept {
    if (try_rotate() || !fd_) return;
    cut(fd_.get(), 0);
    size_ = 0;
    labelled_ = false;
}

int LogPieces::append(std::span<iovec> parts, size_t& written) noexcept {
    written = 0;
    if (!fd_) {
        if (const int rc = open(); rc < 0) return -rc;
    }
    if (labelled_) notice_cut();
    while (!parts.empty()) {
        const long count = raw::pwritev(fd_.get(), parts.data(), parts.size(),
                                        static_cast<std::int64_t>(size_ + written));
        if (count == -EINTR) continue;
        if (count < 0) return static_cast<int>(-count);
        if (count == 0) return ENOSPC;
        written += static_cast<size_t>(count);
        parts = advance(parts, static_cast<size_t>(count));
    }
    size_ += written;
    const int rc = publish();
    if (rc < 0) size_ -= written;
    return -rc;
}

void LogPieces::keep(size_t bytes) noexcept {
    // Readers never see half a record: it is not whole.
    if (fd_ && !labelled_) cut(fd_.get(), size_ + bytes);
    size_ += bytes;
    if (fd_ && bytes > 0) (void)publish();  // refused: the next one tells it, too
}

}  // namespace sandbox::store
