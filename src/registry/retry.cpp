#include "registry/retry.hpp"

#include <algorithm>
#include <array>

#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

// Days since 1970-01-01 of a date in the Gregorian calendar; month 1 to 12.
std::int64_t days_from_civil(std::int64_t year, int month, int day) noexcept {
    const std::int64_t y = month <= 2 ? year - 1 : year;
    const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
    const std::int64_t year_of_era = y - era * 400;
    const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const std::int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int month_number(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto* it = std::find(kMonths.begin(), kMonths.end(), name);
    return it == kMonths.end() ? 0 : static_cast<int>(it - kMonths.begin()) + 1;
}

std::optional<std::int64_t> number(std::string_view text, std::int64_t most) {
    const auto value = base::try_parse_u64(text);
    if (!value || *value > static_cast<std::uint64_t>(most)) return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

}  // namespace

std::optional<std::int64_t> try_parse_http_date(std::string_view text) {
    // "Sun, 06 Nov 1994 08:49:37 GMT": fixed columns.
    if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' ||
        text[16] != ' ' || text[19] != ':' || text[22] != ':' || text.substr(25) != " GMT") {
        return std::nullopt;
    }
    const auto day = number(text.substr(5, 2), 31);
    const int month = month_number(text.substr(8, 3));
    const auto year = number(text.substr(12, 4), 9999);
    const auto hour = number(text.substr(17, 2), 23);
    const auto minute = number(text.substr(20, 2), 59);
    const auto second = number(text.substr(23, 2), 60);  // a leap second
    if (!day || *day == 0 || month == 0 || !year || !hour || !minute || !second) {
        return std::nullopt;
    }
    return days_from_civil(*year, month, static_cast<int>(*day)) * 86400 + *hour * 3600 +
           *minute * 60 + *second;
}

std::optional<std::chrono::seconds> try_parse_retry_after(std::string_view text,
                                                          std::int64_t now_unix) {
    text = base::trim(text);
    constexpr std::int64_t kMost = 1'000'000'000;  // thirty years: anything beyond is the same
    if (const auto seconds = base::try_parse_u64(text)) {
        return std::chrono::seconds(std::min<std::uint64_t>(*seconds, kMost));
    }
    const auto date = try_parse_http_date(text);
    if (!date || *date <= now_unix) return std::nullopt;
    return std::chrono::seconds(std::min(*date - now_unix, kMost));
}

std::optional<ContentRange> try_parse_content_range(std::string_view text) {
    text = base::trim(text);
    constexpr std::string_view kUnit = "bytes ";
    if (base::to_lower(text.substr(0, kUnit.size())) != kUnit) return std::nullopt;
    text.remove_prefix(kUnit.size());
    const size_t dash = text.find('-');
    const size_t slash = text.find('/');
    if (dash == text.npos || slash == text.npos || slash < dash) return std::nullopt;
    const auto first = base::try_parse_u64(text.substr(0, dash));
    const auto last = base::try_parse_u64(text.substr(dash + 1, slash - dash - 1));
    if (!first || !last || *last < *first) return std::nullopt;
    ContentRange range{*first, *last, std::nullopt};
    const std::string_view total = text.substr(slash + 1);
    if (total != "*") {
        range.total = base::try_parse_u64(total);
        if (!range.total || *range.total <= *last) return std::nullopt;
    }
    return range;
}

bool is_retryable_status(int status) noexcept {
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

std::chrono::milliseconds RetryPolicy::delay(
    int failures, std::optional<std::chrono::seconds> retry_after) const noexcept {
    const int doublings = std::clamp(failures - 1, 0, 10);
    const std::chrono::milliseconds most = cap;
    std::chrono::milliseconds wait = std::min(first_delay * (1 << doublings), most);
    if (retry_after) {
        const std::chrono::seconds asked = std::min(*retry_after, cap);
        wait = std::max<std::chrono::milliseconds>(wait, asked);
    }
    return wait;
}

}  // namespace sandbox::registry
