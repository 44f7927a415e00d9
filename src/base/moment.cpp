#include "sandbox/base/moment.hpp"

#include <ctime>
#include <string>

namespace sandbox::base {
namespace {

constexpr std::int64_t kNanosecond = 1'000'000'000;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

std::optional<Timestamp> try_unix(std::string_view text) {
    const size_t point = text.find('.');
    const auto seconds = try_parse_i64(text.substr(0, point));
    if (!seconds || *seconds < 0) return std::nullopt;
    Timestamp time{*seconds, 0};
    if (point == std::string_view::npos) return time;
    std::string fraction(text.substr(point + 1));
    if (fraction.empty() || fraction.size() > 9) return std::nullopt;
    fraction.append(9 - fraction.size(), '0');
    const auto nanoseconds = try_parse_u64(fraction);
    if (!nanoseconds) return std::nullopt;
    time.nanoseconds = static_cast<std::uint32_t>(*nanoseconds);
    return time;
}

// The same clock reading, in the zone of the caller instead of UTC.
std::optional<Timestamp> in_local_zone(const Timestamp& as_utc) {
    const time_t seconds = as_utc.seconds;
    tm fields{};
    if (::gmtime_r(&seconds, &fields) == nullptr) return std::nullopt;
    fields.tm_isdst = -1;
    const time_t local = ::mktime(&fields);
    if (local == time_t{-1}) return std::nullopt;
    return Timestamp{local, as_utc.nanoseconds};
}

std::optional<Timestamp> try_date(std::string_view text) {
    constexpr size_t kDate = 10;
    if (text.size() < kDate || text[4] != '-' || text[7] != '-') return std::nullopt;
    const size_t zone_at = text.find_first_of("Zz+-", kDate);
    const std::string_view zone =
        zone_at == std::string_view::npos ? std::string_view() : text.substr(zone_at);
    std::string_view clock =
        text.substr(kDate, zone_at == std::string_view::npos ? zone_at : zone_at - kDate);
    std::string whole(text.substr(0, kDate));
    if (clock.empty()) {
        whole += "T00:00:00";
    } else {
        constexpr size_t kHour = 3;  // "T15"
        constexpr size_t kMinute = 6;
        constexpr size_t kSecond = 9;
        if (clock.size() != kHour && clock.size() != kMinute && clock.size() < kSecond) {
            return std::nullopt;
        }
        whole.append(clock);
        if (clock.size() == kHour) whole += ":00";
        if (clock.size() <= kMinute) whole += ":00";
    }
    whole.append(zone.empty() ? "Z" : zone);
    const std::optional<Timestamp> time = try_parse_rfc3339(whole);
    return time && zone.empty() ? in_local_zone(*time) : time;
}

}  // namespace

std::optional<Timestamp> try_parse_moment(std::string_view text, Timestamp from) {
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    if (const auto time = try_unix(text)) return time;
    if (const auto time = try_date(text)) return time;
    const auto ago = try_parse_duration_ns(text);
    if (!ago) return std::nullopt;
    Timestamp time{from.seconds - *ago / kNanosecond, from.nanoseconds};
    const auto rest = static_cast<std::uint32_t>(*ago % kNanosecond);
    if (rest > time.nanoseconds) {
        --time.seconds;
        time.nanoseconds += static_cast<std::uint32_t>(kNanosecond);
    }
    time.nanoseconds -= rest;
    return time;
}

}  // namespace sandbox::base
