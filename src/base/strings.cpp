#include "sandbox/base/strings.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <numeric>

#include "sandbox/base/error.hpp"
#include "utf8.hpp"

namespace sandbox::base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void append_hex_byte(std::string& out, unsigned char byte) {
    out.push_back(kHexDigits[byte >> 4]);
    out.push_back(kHexDigits[byte & 0xF]);
}

template <typename Number>
std::optional<Number> try_parse_number(std::string_view text) noexcept {
    Number number{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return number;
}

// Damerau's distance in its restricted form: a swap of neighbours counts as one.
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> before(b.size() + 1);
    std::vector<size_t> previous(b.size() + 1);
    std::vector<size_t> current(b.size() + 1);
    std::iota(previous.begin(), previous.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                current[j] = std::min(current[j], before[j - 2] + 1);
            }
        }
        std::swap(before, previous);
        std::swap(previous, current);
    }
    return previous[b.size()];
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
    return split(text, separator, std::string_view::npos);
}

std::vector<std::string> split(std::string_view text, char separator, size_t limit) {
    std::vector<std::string> parts;
    while (parts.size() + 1 < limit) {
        const size_t at = text.find(separator);
        if (at == std::string_view::npos) break;
        parts.emplace_back(text.substr(0, at));
        text.remove_prefix(at + 1);
    }
    parts.emplace_back(text);
    return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string result;
    for (size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) result.append(separator);
        result.append(parts[i]);
    }
    return result;
}

std::string clean_path(std::string_view path) {
    const bool absolute = path.starts_with("/");
    std::vector<std::string> kept;
    for (std::string& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == ".." && (absolute || (!kept.empty() && kept.back() != ".."))) {
            if (!kept.empty()) kept.pop_back();
            continue;
        }
        kept.push_back(std::move(part));
    }
    const std::string joined = join(kept, "/");
    if (absolute) return "/" + joined;
    return joined.empty() ? "." : joined;
}

std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view kBlanks = " \t\r\n\v\f";
    const size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string to_lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return result;
}

std::string to_upper(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return result;
}

std::string quote(std::string_view text) {
    std::string result = "\"";
    for (const char c : escape_control(text)) {
        if (c == '"') result.push_back('\\');
        result.push_back(c);
    }
    return result.append("\"");
}

std::string escape_control(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const Utf8Step step = next_utf8(text);
        const bool control =
            step.code_point < 0x20 || (step.code_point >= 0x7F && step.code_point <= 0x9F);
        for (size_t i = 0; i < step.size_bytes; ++i) {
            if (step.valid && !control) {
                result.push_back(text[i]);
            } else {
                result.append("\\x");
                append_hex_byte(result, static_cast<unsigned char>(text[i]));
            }
        }
        text.remove_prefix(step.size_bytes);
    }
    return result;
}

std::optional<std::uint64_t> try_parse_u64(std::string_view text) noexcept {
    return try_parse_number<std::uint64_t>(text);
}

std::optional<std::int64_t> try_parse_i64(std::string_view text) noexcept {
    return try_parse_number<std::int64_t>(text);
}

std::string to_hex(const void* data, size_t size_bytes) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    std::string result;
    result.reserve(size_bytes * 2);
    for (size_t i = 0; i < size_bytes; ++i) append_hex_byte(result, bytes[i]);
    return result;
}

std::string random_hex(size_t count) {
    std::string bytes(count, '\0');
    size_t filled = 0;
    while (filled < count) {
        const ssize_t got = ::getrandom(bytes.data() + filled, count - filled, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw SysError(errno, "get random bytes");
        filled += static_cast<size_t>(got);
    }
    return to_hex(bytes.data(), bytes.size());
}

std::optional<std::string> try_nearest(std::string_view word,
                                       const std::vector<std::string>& candidates) {
    // Words longer than any name of ours are no typos of one; the distance costs n*m.
    constexpr size_t kLongestWord = 64;
    if (word.empty() || word.size() > kLongestWord) return std::nullopt;
    const auto common = [word](std::string_view candidate) {
        const size_t most = std::min(word.size(), candidate.size());
        size_t count = 0;
        while (count < most && word[count] == candidate[count]) ++count;
        return count;
    };
    const std::string* best = nullptr;
    size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        if (candidate.size() > kLongestWord) continue;
        const size_t distance = edit_distance(word, candidate);
        // A candidate that must change wholly is no neighbour ("a" and "b").
        if (distance >= candidate.size()) continue;
        // Of two that are as near, the one that begins alike: "rum" is "run" rather than "rm".
        if (distance < best_distance ||
            (best != nullptr && distance == best_distance && common(candidate) > common(*best))) {
            best = &candidate;
            best_distance = distance;
        }
    }
    if (best == nullptr) return std::nullopt;
    return *best;
}

std::string base64_encode(std::string_view bytes) {
    std::string result;
    result.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t count = std::min<size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (size_t k = 0; k < 3; ++k) {
            group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        }
        for (size_t k = 0; k < 4; ++k) {
            result.push_back(k <= count ? kBase64Alphabet[group >> (18 - 6 * k) & 0x3F] : '=');
        }
    }
    return result;
}

std::optional<std::string> try_base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::string result;
    result.reserve(text.size() / 4 * 3);
    for (size_t i = 0; i < text.size(); i += 4) {
        const bool last = i + 4 == text.size();
        size_t padding = 0;
        if (last && text[i + 3] == '=') padding = text[i + 2] == '=' ? 2 : 1;
        std::uint32_t group = 0;
        for (size_t k = 0; k < 4; ++k) {
            const size_t digit = k + padding >= 4 ? 0 : kBase64Alphabet.find(text[i + k]);
            if (digit == std::string_view::npos) return std::nullopt;
            group = group << 6 | static_cast<std::uint32_t>(digit);
        }
        // Bits beyond the last whole byte must be zero: one text for one value.
        if (padding > 0 && (group & ((1u << (8 * padding)) - 1)) != 0) return std::nullopt;
        for (size_t k = 0; k + padding < 3; ++k) {
            result.push_back(static_cast<char>(group >> (16 - 8 * k) & 0xFF));
        }
    }
    return result;
}

}  // namespace sandbox::base
