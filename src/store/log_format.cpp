#include "store/log_format.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "sandbox/base/fs.hpp"

namespace sandbox::store::log_format {
namespace {

void write_digits(char* to, int count, std::uint64_t value) noexcept {
    for (int i = count - 1; i >= 0; --i) {
        to[i] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

bool is_time(std::string_view text) noexcept {
    constexpr std::string_view kShape = "0000-00-00T00:00:00.000000000+00:00";
    static_assert(kShape.size() == kTimeBytes);
    for (size_t i = 0; i < kShape.size(); ++i) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (kShape[i] == '0' ? !digit : text[i] != kShape[i]) return false;
    }
    return true;
}

}  // namespace

void write_time(base::Timestamp time, char* to) noexcept {
    constexpr std::int64_t kFirst = -62'167'219'200;
    constexpr std::int64_t kLast = 253'402'300'799;
    const std::chrono::sys_seconds when{
        std::chrono::seconds{std::clamp(time.seconds, kFirst, kLast)}};
    const auto day = std::chrono::floor<std::chrono::days>(when);
    const std::chrono::year_month_day date{day};
    const auto of_day = static_cast<std::uint64_t>((when - day).count());
    std::copy_n("0000-00-00T00:00:00.000000000+00:00", kTimeBytes, to);
    write_digits(to, 4, static_cast<std::uint64_t>(static_cast<int>(date.year())));
    write_digits(to + 5, 2, static_cast<unsigned>(date.month()));
    write_digits(to + 8, 2, static_cast<unsigned>(date.day()));
    write_digits(to + 11, 2, of_day / 3600);
    write_digits(to + 14, 2, of_day / 60 % 60);
    write_digits(to + 17, 2, of_day % 60);
    write_digits(to + 20, 9, time.nanoseconds);
}

std::string time_text(base::Timestamp time) {
    std::string text(kTimeBytes, '\0');
    write_time(time, text.data());
    return text;
}

std::optional<LogRecord> try_parse(std::string_view line) noexcept {
    if (line.size() < kHeaderBytes || !is_time(line)) return std::nullopt;
    const std::string_view stream = line.substr(kTimeBytes, kTagOffset - kTimeBytes);
    const char tag = line[kTagOffset];
    if ((tag != 'F' && tag != 'P') || line[kTagOffset + 1] != ' ') return std::nullopt;
    LogRecord record;
    if (stream == " stdout ") {
        record.stream = LogStream::out;
    } else if (stream == " stderr ") {
        record.stream = LogStream::err;
    } else if (stream == " notice ") {
        record.stream = LogStream::notice;
    } else {
        return std::nullopt;
    }
    record.ends_line = tag == 'F';
    record.time = line.substr(0, kTimeBytes);
    record.text = line.substr(kHeaderBytes);
    return record;
}

std::vector<std::uint64_t> list_pieces(int dir_fd, const std::string& file) {
    std::vector<std::uint64_t> numbers;
    const std::string prefix = file + ".";
    for (const std::string& name : base::list_dir(dir_fd)) {
        if (!name.starts_with(prefix)) continue;
        const auto number = base::try_parse_u64(std::string_view(name).substr(prefix.size()));
        if (number && *number > 0) numbers.push_back(*number);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

std::string piece_name(const std::string& file, std::uint64_t number) {
    return file + "." + std::to_string(number);
}

}  // namespace sandbox::store::log_format
