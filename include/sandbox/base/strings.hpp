// Small text helpers that the standard library lacks. Not for paths inside a root file system.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::base {

[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
// At most `limit` pieces; the last holds the rest.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator, size_t limit);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
// A path by its letters alone: without ".", ".." and double slashes. An absolute one stays so and
// never leads above "/"; of an empty one "." is left.
[[nodiscard]] std::string clean_path(std::string_view path);
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] std::string quote(std::string_view text);  // "text", with control bytes escaped
// C0, C1, DEL and invalid UTF-8 become \xNN: for untrusted text that goes to a terminal.
[[nodiscard]] std::string escape_control(std::string_view text);
// Decimal only, whole text, no sign, no blanks.
[[nodiscard]] std::optional<std::uint64_t> try_parse_u64(std::string_view text) noexcept;
[[nodiscard]] std::optional<std::int64_t> try_parse_i64(std::string_view text) noexcept;
// docker's sizes: "64m", "1g", "512", "1.5GiB" (k/m/g/t are powers of 1024) → bytes.
[[nodiscard]] std::optional<std::uint64_t> try_parse_size_bytes(std::string_view text);
// Go's durations: "1m30s", "500ms", "2h" → nanoseconds. Absent when malformed or negative.
[[nodiscard]] std::optional<std::int64_t> try_parse_duration_ns(std::string_view text);
// "12.3MB" as docker prints sizes (powers of 1000, 3 significant digits).
[[nodiscard]] std::string format_size(std::uint64_t bytes);
// "2 hours ago" without "ago", as docker prints ages: seconds → "2 hours", "About a minute".
[[nodiscard]] std::string format_age(std::int64_t seconds);
[[nodiscard]] std::string to_hex(const void* data, size_t size_bytes);
// Unix seconds and nanoseconds → "2026-11-24T11:02:03.000000004Z" (nanoseconds left out when 0).
[[nodiscard]] std::string format_rfc3339(std::int64_t seconds, std::uint32_t nanoseconds = 0);
struct Timestamp {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
};
[[nodiscard]] std::optional<Timestamp> try_parse_rfc3339(std::string_view text);
[[nodiscard]] Timestamp now();  // CLOCK_REALTIME
// `count` random bytes as 2*count hex digits (getrandom).
[[nodiscard]] std::string random_hex(size_t count);
// The candidate nearest to `word` by edit distance, when near enough to be a typo.
[[nodiscard]] std::optional<std::string> try_nearest(std::string_view word,
                                                     const std::vector<std::string>& candidates);
[[nodiscard]] std::string base64_encode(std::string_view bytes);
[[nodiscard]] std::optional<std::string> try_base64_decode(std::string_view text);  // std alphabet

}  // namespace sandbox::base
