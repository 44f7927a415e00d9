// When to try again and how long to wait; the headers that speak about it. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sandbox::registry {

inline constexpr std::chrono::seconds kMaxRetryAfter{60};

// Retry-After (RFC 9110, section 10.2.3): seconds, or an HTTP date compared with `now_unix`.
// Absent: garbage, negative or in the past. Not capped: see RetryPolicy.
[[nodiscard]] std::optional<std::chrono::seconds> try_parse_retry_after(std::string_view text,
                                                                        std::int64_t now_unix);
// "Sun, 06 Nov 1994 08:49:37 GMT" → Unix seconds. The two obsolete forms are not read.
[[nodiscard]] std::optional<std::int64_t> try_parse_http_date(std::string_view text);

struct ContentRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::optional<std::uint64_t> total;  // absent: "*"
};
// Content-Range: bytes FIRST-LAST/TOTAL (RFC 9110, section 14.4). Absent when malformed.
[[nodiscard]] std::optional<ContentRange> try_parse_content_range(std::string_view text);

// 408, 429, 500, 502, 503, 504: a later try may succeed.
[[nodiscard]] bool is_retryable_status(int status) noexcept;

struct RetryPolicy {
    int tries = 5;
    std::chrono::milliseconds first_delay{1000};  // doubles with each try
    std::chrono::seconds cap = kMaxRetryAfter;    // of any single wait
    // `failures` ≥ 1 tries have failed in a row. Never less than what the server asked for,
    // up to the cap.
    [[nodiscard]] std::chrono::milliseconds delay(
        int failures, std::optional<std::chrono::seconds> retry_after) const noexcept;
};

}  // namespace sandbox::registry
