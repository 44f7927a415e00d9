#include "image/pax_writer.hpp"

namespace sandbox::image {

void PaxWriter::add(std::string_view key, std::string_view value) {
    const size_t body = 1 + key.size() + 1 + value.size() + 1;
    size_t length = body + 1;
    while (std::to_string(length).size() + body != length) {
        length = std::to_string(length).size() + body;
    }
    records_ += std::to_string(length);
    records_ += ' ';
    records_ += key;
    records_ += '=';
    records_ += value;
    records_ += '\n';
}

std::string pax_time(std::int64_t seconds, std::uint32_t nanoseconds) {
    if (nanoseconds == 0) return std::to_string(seconds);
    const bool negative = seconds < 0;
    const std::uint64_t whole =
        negative ? static_cast<std::uint64_t>(-(seconds + 1)) : static_cast<std::uint64_t>(seconds);
    const std::uint32_t part = negative ? 1'000'000'000u - nanoseconds : nanoseconds;
    std::string digits = std::to_string(part);
    digits.insert(0, 9 - digits.size(), '0');
    return (negative ? "-" : "") + std::to_string(whole) + "." + digits;
}

}  // namespace sandbox::image
