// One step of a strict UTF-8 reading: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstdint>
#include <string_view>

namespace sandbox::base {

struct Utf8Step {
    std::uint32_t code_point = 0;
    size_t size_bytes = 1;  // 1 when invalid: the caller skips that byte
    bool valid = false;
};

// `text` must not be empty.
[[nodiscard]] inline Utf8Step next_utf8(std::string_view text) noexcept {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return {first, 1, true};
    size_t size = 0;
    std::uint32_t code = 0;
    std::uint32_t least = 0;
    if ((first & 0xE0) == 0xC0) {
        size = 2, code = first & 0x1F, least = 0x80;
    } else if ((first & 0xF0) == 0xE0) {
        size = 3, code = first & 0x0F, least = 0x800;
    } else if ((first & 0xF8) == 0xF0) {
        size = 4, code = first & 0x07, least = 0x10000;
    } else {
        return {};
    }
    if (text.size() < size) return {};
    for (size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {};
        code = (code << 6) | (byte(i) & 0x3Fu);
    }
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < least || code > 0x10FFFF || surrogate) return {};
    return {code, size, true};
}

}  // namespace sandbox::base
