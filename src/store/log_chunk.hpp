// The compact form of a log: what was read from a stream at once, as it came, between a header and
// a trailer. Nothing is copied or searched to write one, and it is a third smaller than a header
// for each line would be. The trailer is for readers from the end (`logs --tail`).
//
//   header   "\xC5L" 1 stream | length (4) | Unix time in nanoseconds (8)      little-endian
//   text     lines with their newlines; without one at the end the last line goes on later
//   trailer  length (4) | "\x0A\xC5L\x0A"
//
// A gap is a chunk of stream 3, of zeros or empty, which readers pass over: the writer of much
// fills a block of the file up with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sandbox/base/strings.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::store::log_chunk {

inline constexpr size_t kHeadBytes = 16;
inline constexpr size_t kTailBytes = 8;
inline constexpr size_t kFrameBytes = kHeadBytes + kTailBytes;
inline constexpr size_t kMaxTextBytes = 1u << 20;

struct Head {
    LogStream stream = LogStream::out;
    std::uint32_t length = 0;
    base::Timestamp time{};
    bool is_gap = false;  // then the stream means nothing
};

[[nodiscard]] std::array<char, kHeadBytes> make_head(const Head& head) noexcept;
[[nodiscard]] std::array<char, kTailBytes> make_tail(std::uint32_t length) noexcept;
// Absent: these are not the first bytes of a chunk.
[[nodiscard]] std::optional<Head> try_head(std::string_view bytes) noexcept;
[[nodiscard]] std::optional<std::uint32_t> try_tail(std::string_view bytes) noexcept;
// What a piece in this form begins with, a label's too; a piece of text begins with a digit.
[[nodiscard]] bool begins_chunk(char first) noexcept;

// The end of the last whole chunk of a piece with that size.
[[nodiscard]] std::uint64_t whole_bytes(int fd, std::uint64_t size_bytes) noexcept;

}  // namespace sandbox::store::log_chunk
