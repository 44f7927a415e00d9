#include "store/log_piece.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "store/log_format.hpp"
#include "store/log_label.hpp"

namespace sandbox::store {
namespace {

namespace raw = base::raw;
using base::UniqueFd;
using namespace log_format;

// One that is being recycled cannot be opened for a moment, which lasts for two system calls. It is
// as good as gone.
std::optional<UniqueFd> try_open_piece(int dir_fd, const std::string& name) {
    constexpr int kTries = 5000;
    constexpr timespec kPause{0, 1'000'000};
    for (int i = 1;; ++i) {
        const int fd =
            raw::openat(dir_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0) return UniqueFd(fd);
        if (fd == -ENOENT || (fd == -EAGAIN && i == kTries)) return std::nullopt;
        if (fd == -EINTR) continue;
        if (fd != -EAGAIN) throw base::SysError(-fd, "open", base::quote(name));
        (void)::nanosleep(&kPause, nullptr);
    }
}

// Not taken for a younger one.
bool is_piece(const UniqueFd& fd, std::uint64_t number) {
    const auto label = try_label(fd.get());
    return !label || label->number == number;
}

}  // namespace

bool is_still_named(const base::UniqueFd& fd, int dir_fd, const std::string& name) {
    struct stat mine {};
    struct stat named {};
    return ::fstat(fd.get(), &mine) == 0 && ::fstatat(dir_fd, name.c_str(), &named, 0) == 0 &&
           mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

std::optional<LogPiece> try_open_after(const LogPlace& place, std::uint64_t after) {
    const int dir_fd = place.dir.get();
    // Each round that fails has seen the writer begin another piece.
    constexpr int kRounds = 1000;
    for (int round = 0; round < kRounds; ++round) {
        const std::vector<std::uint64_t> older = list_pieces(dir_fd, place.file);
        const auto next = std::upper_bound(older.begin(), older.end(), after);
        if (next != older.end()) {
            auto fd = try_open_piece(dir_fd, piece_name(place.file, *next));
            if (fd && is_piece(*fd, *next)) return LogPiece{std::move(*fd), *next, false};
            after = *next;  // what is gone never comes back
            continue;
        }
        auto fd = try_open_piece(dir_fd, place.file);
        if (!fd) return std::nullopt;
        const std::vector<std::uint64_t> now = list_pieces(dir_fd, place.file);
        if (!is_still_named(*fd, dir_fd, place.file)) continue;
        const std::uint64_t number = now.empty() ? 1 : now.back() + 1;
        if (number <= after) return std::nullopt;
        if (now != older) continue;
        return LogPiece{std::move(*fd), number, true};
    }
    return std::nullopt;
}

}  // namespace sandbox::store
