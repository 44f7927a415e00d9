// The part of strings.hpp that knows units: sizes, durations, ages and points in time, in the very
// forms that docker and Go read and print.
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>

#include "sandbox/base/strings.hpp"

namespace sandbox::base {
namespace {

constexpr std::int64_t kMaxI64 = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// Digits with at most one point; no sign, no exponent, no "inf".
std::optional<double> try_parse_plain_decimal(std::string_view text) {
    if (text.empty() || text == "." || text.find_first_not_of("0123456789.") != text.npos) {
        return std::nullopt;
    }
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return number;
}

// Takes up to `count` digits off the front; absent when there are fewer.
std::optional<int> take_digits(std::string_view& text, size_t count) {
    if (text.size() < count) return std::nullopt;
    int number = 0;
    for (size_t i = 0; i < count; ++i) {
        if (!is_digit(text[i])) return std::nullopt;
        number = number * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return number;
}

bool take_char(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text[0]) == any_of.npos) return false;
    text.remove_prefix(1);
    return true;
}

// "2026-11-24" → days since 1970.
std::optional<std::chrono::sys_days> take_date(std::string_view& text) {
    const auto year = take_digits(text, 4);
    if (!year || !take_char(text, "-")) return std::nullopt;
    const auto month = take_digits(text, 2);
    if (!month || !take_char(text, "-")) return std::nullopt;
    const auto day = take_digits(text, 2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days{date};
}

// "11:02:03" → seconds of the day.
std::optional<int> take_clock(std::string_view& text) {
    const auto hour = take_digits(text, 2);
    if (!hour || *hour > 23 || !take_char(text, ":")) return std::nullopt;
    const auto minute = take_digits(text, 2);
    if (!minute || *minute > 59 || !take_char(text, ":")) return std::nullopt;
    const auto second = take_digits(text, 2);
    if (!second || *second > 59) return std::nullopt;
    return (*hour * 60 + *minute) * 60 + *second;
}

// ".000000004" → 4; finer digits are dropped. No point: 0.
std::optional<std::uint32_t> take_fraction(std::string_view& text) {
    if (!take_char(text, ".")) return 0;
    std::uint32_t nanoseconds = 0;
    std::uint32_t weight = 100'000'000;
    size_t digits = 0;
    for (; digits < text.size() && is_digit(text[digits]); ++digits) {
        nanoseconds += static_cast<std::uint32_t>(text[digits] - '0') * weight;
        weight /= 10;
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    return nanoseconds;
}

// "Z" or "+01:00" → seconds east of Greenwich.
std::optional<int> take_zone(std::string_view& text) {
    if (take_char(text, "Zz")) return 0;
    if (text.empty()) return std::nullopt;
    const int sign = text[0] == '-' ? -1 : 1;
    if (!take_char(text, "+-")) return std::nullopt;
    const auto hour = take_digits(text, 2);
    if (!hour || *hour > 23 || !take_char(text, ":")) return std::nullopt;
    const auto minute = take_digits(text, 2);
    if (!minute || *minute > 59) return std::nullopt;
    return sign * (*hour * 60 + *minute) * 60;
}

struct DurationUnit {
    std::string_view name;
    std::int64_t nanoseconds;
};
constexpr std::array<DurationUnit, 8> kDurationUnits{{
    {"ns", 1},
    {"us", 1'000},
    {"\u00b5s", 1'000},  // micro sign
    {"\u03bcs", 1'000},  // Greek mu
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60 * 1'000'000'000LL},
    {"h", 3600 * 1'000'000'000LL},
}};

// One "1.5h" off the front, in nanoseconds.
std::optional<std::int64_t> take_duration_part(std::string_view& text) {
    const size_t number_end = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view number = text.substr(0, number_end);
    text.remove_prefix(number_end);
    const size_t unit_end = std::min(text.find_first_of("0123456789."), text.size());
    const std::string_view unit_name = text.substr(0, unit_end);
    text.remove_prefix(unit_end);

    const std::string_view whole = number.substr(0, number.find('.'));
    const std::string_view fraction =
        whole.size() < number.size() ? number.substr(whole.size() + 1) : std::string_view{};
    if (whole.empty() && fraction.empty()) return std::nullopt;
    for (const DurationUnit& unit : kDurationUnits) {
        if (unit.name != unit_name) continue;
        std::int64_t total = 0;
        if (!whole.empty()) {
            const auto count = try_parse_i64(whole);
            if (!count || __builtin_mul_overflow(*count, unit.nanoseconds, &total)) {
                return std::nullopt;
            }
        }
        if (!fraction.empty()) {
            const auto part = try_parse_plain_decimal("0." + std::string(fraction));
            if (!part) return std::nullopt;
            const auto extra =
                static_cast<std::int64_t>(*part * static_cast<double>(unit.nanoseconds));
            if (__builtin_add_overflow(total, extra, &total)) return std::nullopt;
        }
        return total;
    }
    return std::nullopt;
}

std::string count_of(std::int64_t count, std::string_view unit) {
    return std::to_string(count).append(" ").append(unit);
}

}  // namespace

std::optional<std::uint64_t> try_parse_size_bytes(std::string_view text) {
    const size_t last = text.find_last_of("0123456789. ");
    if (last == text.npos) return std::nullopt;
    const std::string_view number = text.substr(0, text[last] == ' ' ? last : last + 1);
    const std::string suffix = to_lower(text.substr(last + 1));

    auto size = try_parse_plain_decimal(number);
    if (!size) return std::nullopt;
    if (!suffix.empty() && suffix != "b") {
        constexpr std::string_view kUnits = "kmgtp";
        const size_t unit = kUnits.find(suffix[0]);
        const std::string_view tail = std::string_view(suffix).substr(1);
        if (unit == kUnits.npos || !(tail.empty() || tail == "b" || tail == "ib")) {
            return std::nullopt;
        }
        *size = std::ldexp(*size, static_cast<int>(10 * (unit + 1)));
    }
    if (*size >= static_cast<double>(kMaxI64)) return std::nullopt;
    return static_cast<std::uint64_t>(*size);
}

std::optional<std::int64_t> try_parse_duration_ns(std::string_view text) {
    (void)take_char(text, "+");
    if (text == "0") return 0;
    if (text.empty()) return std::nullopt;
    std::int64_t total = 0;
    while (!text.empty()) {
        const auto part = take_duration_part(text);
        if (!part || __builtin_add_overflow(total, *part, &total)) return std::nullopt;
    }
    return total;
}

std::string format_size(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 7> kUnits{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    auto size = static_cast<double>(bytes);
    size_t unit = 0;
    while (size >= 1000.0 && unit + 1 < kUnits.size()) {
        size /= 1000.0;
        ++unit;
    }
    std::array<char, 32> buffer{};
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), size,
                                            std::chars_format::general, 3);
    (void)error;  // 32 bytes always suffice for three digits
    return std::string(buffer.data(), end).append(kUnits[unit]);
}

std::string format_age(std::int64_t seconds) {
    if (seconds < 1) return "Less than a second";
    if (seconds == 1) return "1 second";
    if (seconds < 60) return count_of(seconds, "seconds");
    const std::int64_t minutes = seconds / 60;
    if (minutes == 1) return "About a minute";
    if (minutes < 60) return count_of(minutes, "minutes");
    const std::int64_t hours = seconds / 3600 + (seconds % 3600 >= 1800 ? 1 : 0);
    if (hours == 1) return "About an hour";
    if (hours < 48) return count_of(hours, "hours");
    if (hours < 24 * 7 * 2) return count_of(hours / 24, "days");
    if (hours < 24 * 30 * 2) return count_of(hours / 24 / 7, "weeks");
    if (hours < 24 * 365 * 2) return count_of(hours / 24 / 30, "months");
    return count_of(seconds / 3600 / 24 / 365, "years");
}

std::string format_rfc3339(std::int64_t seconds, std::uint32_t nanoseconds) {
    // Years 0 to 9999: what the format can say, and what chrono's int years can hold.
    constexpr std::int64_t kFirst = -62'167'219'200;
    constexpr std::int64_t kLast = 253'402'300'799;
    if (seconds < kFirst) seconds = kFirst;
    if (seconds > kLast) seconds = kLast;
    const std::chrono::sys_seconds when{std::chrono::seconds{seconds}};
    const auto day = std::chrono::floor<std::chrono::days>(when);
    const std::chrono::year_month_day date{day};
    const auto of_day = static_cast<int>((when - day).count());
    std::array<char, 64> buffer{};
    (void)std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d",
                        static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                        static_cast<unsigned>(date.day()), of_day / 3600, of_day / 60 % 60,
                        of_day % 60);
    std::string result(buffer.data());
    if (nanoseconds > 0 && nanoseconds < 1'000'000'000) {
        std::string digits = std::to_string(nanoseconds);
        digits.insert(0, 9 - digits.size(), '0');
        digits.erase(digits.find_last_not_of('0') + 1);
        result.append(".").append(digits);
    }
    return result.append("Z");
}

std::optional<Timestamp> try_parse_rfc3339(std::string_view text) {
    const auto day = take_date(text);
    if (!day || !take_char(text, "Tt ")) return std::nullopt;
    const auto clock = take_clock(text);
    if (!clock) return std::nullopt;
    const auto nanoseconds = take_fraction(text);
    if (!nanoseconds) return std::nullopt;
    const auto zone = take_zone(text);
    if (!zone || !text.empty()) return std::nullopt;
    const std::int64_t day_seconds = std::chrono::seconds{day->time_since_epoch()}.count();
    return Timestamp{day_seconds + *clock - *zone, *nanoseconds};
}

Timestamp now() {
    timespec time{};
    (void)::clock_gettime(CLOCK_REALTIME, &time);  // cannot fail: the clock exists
    return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

}  // namespace sandbox::base
