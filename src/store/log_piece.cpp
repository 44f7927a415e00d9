#include "store/log_piece.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "sandbox/base/fs.hpp"
#include "store/log_format.hpp"

namespace sandbox::store {
namespace {

using base::UniqueFd;
using namespace log_format;

std::optional<UniqueFd> try_open_piece(int dir_fd, const std::string& name) {
    return base::try_open_at(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
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
            if (fd) return LogPiece{std::move(*fd), *next, false};
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
