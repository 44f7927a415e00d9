// What a recycled piece of a log begins with. Its file has been the oldest piece and is written
// anew from its beginning without being cut, since the kernel would free its pages only to get
// others: what lies behind the end that the label tells is of former times.
//
//   label    "\xC5P" 1, 5 zeros | number (8) | end (8) | its complement (8)      little-endian
//
// `number` is the piece's own: a piece whose label has another one than its name has been taken for
// a younger piece, or was about to be, and holds nothing of its own any more. `end` moves on when
// what is before it has been written; who reads a mixture of two ends, which the kernel does not
// rule out, sees it by the complement and reads again. After a power failure it may have outrun
// that, and lines of former times come to light.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::store {

inline constexpr size_t kLabelBytes = 32;

struct PieceLabel {
    std::uint64_t number = 0;
    std::uint64_t end_bytes = kLabelBytes;
};
// Absent: it has none, all of it is its own.
[[nodiscard]] std::optional<PieceLabel> try_label(int fd) noexcept;
// 0 or -errno.
[[nodiscard]] int write_label(int fd, const PieceLabel& label) noexcept;

// Where the content of a piece lies. `end_bytes` is the file's size unless a label says less.
struct PieceExtent {
    std::uint64_t begin_bytes = 0, end_bytes = 0;
};
[[nodiscard]] PieceExtent extent_of(int fd, std::uint64_t size_bytes) noexcept;

// Makes the oldest piece, `from`, an empty one with that number and gives it the name `to`, which
// must be free. Empty: it has to be removed, above all since somebody else has it open, who shall
// read it in peace.
[[nodiscard]] base::UniqueFd try_recycle(int dir_fd, const std::string& from, const std::string& to,
                                         std::uint64_t number) noexcept;

}  // namespace sandbox::store
