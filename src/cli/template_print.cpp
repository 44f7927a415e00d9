#include "template_print.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "sandbox/base/strings.hpp"

namespace sandbox::cli::template_detail {
namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

// Go: shortest form; exponent form below 1e-4 and from 1e21 on.
std::string print_double(double number) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
    const double size = std::fabs(number);
    const bool scientific = size != 0 && (size < 1e-4 || size >= 1e21);
    std::array<char, 64> buffer{};
    const auto format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
    const auto [end, error] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format);
    (void)error;  // fits
    return std::string(buffer.data(), end);
}

std::vector<const Object::Member*> sorted_members(const Object& object) {
    std::vector<const Object::Member*> members;
    for (const Object::Member& member : object) members.push_back(&member);
    std::sort(members.begin(), members.end(),
              [](const auto* a, const auto* b) { return a->first < b->first; });
    return members;
}

// One "%-08.3d".
struct Verb {
    bool minus = false;
    bool plus = false;
    bool zero = false;
    bool space = false;
    bool sharp = false;
    int width = 0;
    int precision = -1;
    char letter = '\0';
};

constexpr int kMaxWidth = 1'000'000;  // as in Go, a larger one is a mistake

int take_number(std::string_view& text) {
    int number = 0;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
        number = std::min(number * 10 + (text[0] - '0'), kMaxWidth + 1);
        text.remove_prefix(1);
    }
    return number;
}

Verb take_verb(std::string_view& text) {
    Verb verb;
    for (; !text.empty(); text.remove_prefix(1)) {
        if (text[0] == '-')
            verb.minus = true;
        else if (text[0] == '+')
            verb.plus = true;
        else if (text[0] == '0')
            verb.zero = true;
        else if (text[0] == ' ')
            verb.space = true;
        else if (text[0] == '#')
            verb.sharp = true;
        else
            break;
    }
    verb.width = take_number(text);
    if (!text.empty() && text[0] == '.') {
        text.remove_prefix(1);
        verb.precision = take_number(text);
    }
    if (!text.empty()) {
        verb.letter = text[0];
        text.remove_prefix(1);
    }
    return verb;
}

size_t count_runes(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

std::string pad(std::string text, const Verb& verb, bool numeric) {
    const size_t runes = count_runes(text);
    const auto width = static_cast<size_t>(verb.width > kMaxWidth ? 0 : verb.width);
    if (runes >= width) return text;
    const size_t missing = width - runes;
    if (verb.minus) return text.append(missing, ' ');
    if (!verb.zero) return text.insert(0, missing, ' ');
    const bool sign = numeric && (text[0] == '-' || text[0] == '+');
    return text.insert(sign ? 1 : 0, missing, '0');
}

// The first `count` characters.
std::string_view first_runes(std::string_view text, int count) {
    size_t at = 0;
    for (int seen = 0; at < text.size(); ++at) {
        const bool starts = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
        if (starts && seen++ == count) break;
    }
    return text.substr(0, at);
}

std::string in_hex(std::string_view text, bool upper) {
    const std::string hex = base::to_hex(text.data(), text.size());
    return upper ? base::to_upper(hex) : hex;
}

std::string in_radix(std::int64_t number, int radix) {
    std::array<char, 72> buffer{};
    const auto [end, error] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, radix);
    (void)error;  // 64 binary digits and a sign fit
    return std::string(buffer.data(), end);
}

std::string bad_verb(const Verb& verb, const Value& value) {
    std::string text = "%!";
    text.push_back(verb.letter);
    if (value.is_null()) return text.append("(<nil>)");
    return text.append("(")
        .append(type_name(value))
        .append("=")
        .append(print_value(value))
        .append(")");
}

std::string format_string(const Verb& verb, const std::string& text) {
    const std::string cut(verb.precision < 0 ? text : first_runes(text, verb.precision));
    switch (verb.letter) {
        case 'v':
        case 's':
            return pad(verb.sharp && verb.letter == 'v' ? quote_go(cut) : cut, verb, false);
        case 'q':
            return pad(quote_go(cut), verb, false);
        case 'x':
            return pad(in_hex(cut, false), verb, false);
        case 'X':
            return pad(in_hex(cut, true), verb, false);
        default:
            return bad_verb(verb, Value(text));
    }
}

std::string format_integer(const Verb& verb, const Value& value, std::int64_t number) {
    std::string text;
    switch (verb.letter) {
        case 'v':
        case 'd':
            text = in_radix(number, 10);
            break;
        case 'x':
            text = in_radix(number, 16);
            break;
        case 'X':
            text = base::to_upper(in_radix(number, 16));
            break;
        case 'o':
            text = in_radix(number, 8);
            break;
        case 'b':
            text = in_radix(number, 2);
            break;
        default:
            return bad_verb(verb, value);
    }
    if (number >= 0 && verb.plus)
        text.insert(0, "+");
    else if (number >= 0 && verb.space)
        text.insert(0, " ");
    return pad(std::move(text), verb, true);
}

std::string format_double(const Verb& verb, const Value& value, double number) {
    if (verb.letter == 'v' && verb.precision < 0) return pad(print_double(number), verb, true);
    const auto letters = std::string_view("veEfFgG");
    if (letters.find(verb.letter) == letters.npos) return bad_verb(verb, value);
    constexpr int kMostDigits = 300;
    const bool shortest = verb.precision < 0 && (verb.letter == 'g' || verb.letter == 'G');
    if (shortest) return pad(print_double(number), verb, true);
    const auto format = verb.letter == 'f' || verb.letter == 'F'   ? std::chars_format::fixed
                        : verb.letter == 'e' || verb.letter == 'E' ? std::chars_format::scientific
                                                                   : std::chars_format::general;
    std::array<char, 700> buffer{};
    const int digits = verb.precision < 0 ? 6 : std::min(verb.precision, kMostDigits);
    const auto [end, error] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format, digits);
    (void)error;  // 309 digits, a point and 300 more fit
    std::string text(buffer.data(), end);
    if (number >= 0 && verb.plus) text.insert(0, "+");
    return pad(std::move(text), verb, true);
}

std::string format_value(const Verb& verb, const Value& value) {
    if (verb.letter == 'T') return pad(std::string(type_name(value)), verb, false);
    if (const std::string* text = value.as_string()) return format_string(verb, *text);
    if (const bool* flag = value.as_bool()) {
        if (verb.letter != 't' && verb.letter != 'v') return bad_verb(verb, value);
        return pad(*flag ? "true" : "false", verb, false);
    }
    if (const auto number = value.try_i64()) return format_integer(verb, value, *number);
    if (const auto number = value.try_u64()) return pad(std::to_string(*number), verb, true);
    if (const auto number = value.try_double()) return format_double(verb, value, *number);
    if (value.is_null())
        return verb.letter == 'v' ? pad("<nil>", verb, false) : bad_verb(verb, value);
    if (const Array* array = value.as_array()) {
        std::vector<std::string> parts;
        for (const Value& element : *array) parts.push_back(format_value(verb, element));
        return "[" + base::join(parts, " ") + "]";
    }
    std::vector<std::string> parts;
    for (const Object::Member* member : sorted_members(*value.as_object())) {
        parts.push_back(format_value(verb, Value(member->first)) + ":" +
                        format_value(verb, member->second));
    }
    return "map[" + base::join(parts, " ") + "]";
}

}  // namespace

std::string_view type_name(const Value& value) noexcept {
    if (value.as_string() != nullptr) return "string";
    if (value.as_bool() != nullptr) return "bool";
    if (value.try_i64()) return "int";
    if (value.try_u64()) return "uint64";
    if (value.is_number()) return "float64";
    if (value.as_array() != nullptr) return "[]interface {}";
    if (value.as_object() != nullptr) return "map[string]interface {}";
    return "nil";
}

std::string quote_go(std::string_view text) {
    constexpr std::string_view kNamed = "\a\b\f\n\r\t\v";
    constexpr std::string_view kNames = "abfnrtv";
    std::string result = "\"";
    for (const char c : text) {
        if (const size_t named = kNamed.find(c); named != kNamed.npos) {
            result.append("\\").push_back(kNames[named]);
            continue;
        }
        if (c == '"' || c == '\\') result.push_back('\\');
        result.push_back(c);
    }
    return base::escape_control(result).append("\"");
}

std::string print_value(const Value& value) {
    Verb verb;
    verb.letter = 'v';
    return format_value(verb, value);
}

std::string sprint(const Values& values) {
    std::string result;
    for (size_t i = 0; i < values.size(); ++i) {
        const bool between_non_strings =
            i > 0 && values[i].as_string() == nullptr && values[i - 1].as_string() == nullptr;
        if (between_non_strings) result.push_back(' ');
        result.append(print_value(values[i]));
    }
    return result;
}

std::string sprintln(const Values& values) {
    std::vector<std::string> parts;
    for (const Value& value : values) parts.push_back(print_value(value));
    return base::join(parts, " ").append("\n");
}

std::string sprintf(std::string_view format, const Values& arguments) {
    std::string result;
    size_t used = 0;
    while (!format.empty()) {
        const size_t percent = std::min(format.find('%'), format.size());
        result.append(format.substr(0, percent));
        format.remove_prefix(percent);
        if (format.empty()) break;
        format.remove_prefix(1);
        const Verb verb = take_verb(format);
        if (verb.letter == '\0') {
            result.append("%!(NOVERB)");
        } else if (verb.letter == '%') {
            result.push_back('%');
        } else if (used >= arguments.size()) {
            result.append("%!").append(1, verb.letter).append("(MISSING)");
        } else {
            result.append(format_value(verb, arguments[used++]));
        }
    }
    if (used >= arguments.size()) return result;
    std::vector<std::string> extra;
    for (; used < arguments.size(); ++used) {
        extra.push_back(std::string(type_name(arguments[used])) + "=" +
                        print_value(arguments[used]));
    }
    return result.append("%!(EXTRA ").append(base::join(extra, ", ")).append(")");
}

}  // namespace sandbox::cli::template_detail
