#include "template_lexer.hpp"

#include <algorithm>
#include <array>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli::template_detail {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kTrimClose = "-}}";

bool is_blank(char c) noexcept {
    return kBlanks.find(c) != kBlanks.npos;
}
bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
// Letters beyond ASCII are letters to Go; their bytes all have the high bit.
bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}
bool is_alnum(char c) noexcept {
    return is_letter(c) || is_digit(c);
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

// Exactly `count` digits of `base` at the front of `text`; absent when there are fewer.
std::optional<std::uint32_t> try_digits(std::string_view text, size_t count, unsigned base) {
    if (text.size() < count) return std::nullopt;
    std::uint32_t number = 0;
    for (const char c : text.substr(0, count)) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        const size_t digit = kDigits.find(lower);
        if (digit >= base) return std::nullopt;
        number = number * base + static_cast<std::uint32_t>(digit);
    }
    return number;
}

struct SimpleEscape {
    char name;
    char meaning;
};
constexpr std::array<SimpleEscape, 10> kSimpleEscapes{{{'a', '\a'},
                                                       {'b', '\b'},
                                                       {'f', '\f'},
                                                       {'n', '\n'},
                                                       {'r', '\r'},
                                                       {'t', '\t'},
                                                       {'v', '\v'},
                                                       {'\\', '\\'},
                                                       {'"', '"'},
                                                       {'\'', '\''}}};

struct NumericEscape {
    char name;
    size_t digits;
};
constexpr std::array<NumericEscape, 3> kNumericEscapes{{{'x', 2}, {'u', 4}, {'U', 8}}};

// The escape that follows a backslash; answers how many bytes it has, 0 when it is none.
size_t append_escape(std::string& out, std::string_view text) {
    if (text.empty()) return 0;
    for (const SimpleEscape& escape : kSimpleEscapes) {
        if (escape.name == text[0]) {
            out.push_back(escape.meaning);
            return 1;
        }
    }
    for (const NumericEscape& escape : kNumericEscapes) {
        if (escape.name != text[0]) continue;
        const auto code = try_digits(text.substr(1), escape.digits, 16);
        if (!code || *code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000)) return 0;
        if (escape.name == 'x') {
            out.push_back(static_cast<char>(*code));
        } else {
            append_utf8(out, *code);
        }
        return 1 + escape.digits;
    }
    const auto octal = try_digits(text, 3, 8);
    if (!octal || *octal > 0xFF) return 0;
    out.push_back(static_cast<char>(*octal));
    return 3;
}

}  // namespace

void Lexer::fail(const Position& at, std::string_view why) {
    throw base::UsageError("template: :" + std::to_string(at.line) + ": " +
                           base::escape_control(why));
}

Position Lexer::position(size_t at) noexcept {
    if (at < counted_) counted_ = line_start_ = 0, line_ = 1;
    for (; counted_ < at; ++counted_) {
        if (input_[counted_] == '\n') {
            ++line_;
            line_start_ = counted_ + 1;
        }
    }
    return {line_, at - line_start_};
}

bool Lexer::starts_with(std::string_view prefix) const noexcept {
    return rest().substr(0, prefix.size()) == prefix;
}

Token Lexer::next() {
    return in_action_ ? next_in_action() : next_text();
}

Token Lexer::next_text() {
    if (pending_open_) {
        pending_open_ = false;
        Token open = take(TokenKind::open, kOpen.size());
        // "{{- " trims the text before it; a "{{-3}}" is a number.
        if (starts_with("-") && rest().size() > 1 && is_blank(rest()[1])) at_ += 1;
        in_action_ = true;
        return open;
    }
    if (at_ == input_.size()) return take(TokenKind::end, 0);
    const size_t start = at_;
    const size_t found = rest().find(kOpen);
    std::string_view text = rest().substr(0, found);
    at_ += text.size();
    if (found != std::string_view::npos) {
        pending_open_ = true;
        const std::string_view inside = rest().substr(kOpen.size());
        const bool trims = inside.size() > 1 && inside[0] == '-' && is_blank(inside[1]);
        if (trims) text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
        const std::string_view body = inside.substr(trims ? 1 : 0);
        const size_t first = std::min(body.find_first_not_of(kBlanks), body.size());
        // A comment stands alone in its action, right behind the {{ or behind "{{- ".
        if (body.substr(trims ? first : 0, 2) == "/*") {
            pending_open_ = false;
            skip_comment();
        }
    }
    Token token;
    token.kind = TokenKind::text;
    token.value = text;
    token.text = text;
    token.at = position(start);
    return token;
}

void Lexer::skip_comment() {
    const Position at = position(at_);
    const size_t end = rest().find("*/");
    if (end == std::string_view::npos) fail(at, "unclosed comment");
    at_ += end + 2;
    std::string_view behind = rest();
    const size_t blanks = std::min(behind.find_first_not_of(kBlanks), behind.size());
    if (blanks > 0 && behind.substr(blanks, kTrimClose.size()) == kTrimClose) {
        at_ += blanks + kTrimClose.size();
        skip_trimmed_space();
    } else if (behind.substr(0, kClose.size()) == kClose) {
        at_ += kClose.size();
    } else {
        fail(at, "comment ends before closing delimiter");
    }
}

void Lexer::skip_trimmed_space() {
    at_ += std::min(rest().find_first_not_of(kBlanks), rest().size());
}

bool Lexer::skip_space() {
    const size_t before = at_;
    skip_trimmed_space();
    return at_ > before;
}

Token Lexer::take(TokenKind kind, size_t size_bytes, std::string value) {
    Token token;
    token.kind = kind;
    token.value = std::move(value);
    token.text = rest().substr(0, size_bytes);
    token.at = position(at_);
    at_ += size_bytes;
    return token;
}

Token Lexer::next_in_action() {
    const bool spaced = skip_space();
    Token token;
    const char c = rest().empty() ? '\0' : rest()[0];
    const char following = rest().size() > 1 ? rest()[1] : '\0';
    if (starts_with(kClose)) {
        token = take(TokenKind::close, kClose.size());
        in_action_ = false;
    } else if (spaced && starts_with(kTrimClose)) {
        token = take(TokenKind::close, kTrimClose.size());
        in_action_ = false;
        skip_trimmed_space();
    } else if (rest().empty()) {
        fail(position(at_), "unclosed action");
    } else if (c == '"') {
        token = take_quoted();
    } else if (c == '`') {
        token = take_raw_string();
    } else if (c == '\'') {
        token = take_character();
    } else if (is_digit(c) || ((c == '+' || c == '-' || c == '.') && is_digit(following))) {
        token = take_number();
    } else if (c == '.') {
        token = is_letter(following) ? take_word(TokenKind::field, 1) : take(TokenKind::dot, 1);
    } else if (c == '$') {
        token = take_word(TokenKind::variable, 1);
    } else if (is_letter(c)) {
        token = take_word(TokenKind::word, 0);
    } else if (c == '|') {
        token = take(TokenKind::pipe, 1);
    } else if (c == ':' && following == '=') {
        token = take(TokenKind::declare, 2);
    } else if (c == '=') {
        token = take(TokenKind::assign, 1);
    } else if (c == ',') {
        token = take(TokenKind::comma, 1);
    } else if (c == '(') {
        token = take(TokenKind::left_paren, 1);
    } else if (c == ')') {
        token = take(TokenKind::right_paren, 1);
    } else {
        fail(position(at_), "unexpected " + base::quote(rest().substr(0, 1)) + " in operand");
    }
    token.after_space = spaced;
    return token;
}

// ".A"b" and "$x5"y" are mistakes, not two operands.
void Lexer::require_separator(const Token& token) const {
    constexpr std::string_view kSeparators = " \t\r\n.,|:=()}";
    if (rest().empty() || kSeparators.find(rest()[0]) != kSeparators.npos) return;
    fail(token.at,
         "unexpected " + base::quote(rest().substr(0, 1)) + " after " + base::quote(token.text));
}

Token Lexer::take_word(TokenKind kind, size_t prefix_bytes) {
    size_t size = prefix_bytes;
    while (size < rest().size() && is_alnum(rest()[size])) ++size;
    const bool with_prefix = kind == TokenKind::variable;
    std::string value(
        rest().substr(with_prefix ? 0 : prefix_bytes, with_prefix ? size : size - prefix_bytes));
    Token token = take(kind, size, std::move(value));
    require_separator(token);
    return token;
}

Token Lexer::take_number() {
    const bool hexadecimal = starts_with("0x") || starts_with("0X");
    size_t size = 1;
    while (size < rest().size()) {
        const char c = rest()[size];
        const char before = rest()[size - 1];
        const bool exponent_sign =
            (c == '+' || c == '-') && (before == 'e' || before == 'E') && !hexadecimal;
        if (!is_alnum(c) && c != '.' && !exponent_sign) break;
        ++size;
    }
    Token token = take(TokenKind::number, size, std::string(rest().substr(0, size)));
    require_separator(token);
    return token;
}

Token Lexer::take_quoted() {
    const Position at = position(at_);
    size_t size = 1;
    for (;; ++size) {
        if (size >= rest().size() || rest()[size] == '\n') fail(at, "unterminated quoted string");
        if (rest()[size] == '"') break;
        if (rest()[size] == '\\') ++size;
    }
    std::string value = unescape(rest().substr(1, size - 1));
    return take(TokenKind::string, size + 1, std::move(value));
}

Token Lexer::take_raw_string() {
    const size_t end = rest().find('`', 1);
    if (end == std::string_view::npos) fail(position(at_), "unterminated raw quoted string");
    std::string value(rest().substr(1, end - 1));
    return take(TokenKind::string, end + 1, std::move(value));
}

Token Lexer::take_character() {
    const Position at = position(at_);
    size_t size = 1;
    for (;; ++size) {
        if (size >= rest().size() || rest()[size] == '\n') {
            fail(at, "unterminated character constant");
        }
        if (rest()[size] == '\'') break;
        if (rest()[size] == '\\') ++size;
    }
    std::string value = unescape(rest().substr(1, size - 1));
    return take(TokenKind::character, size + 1, std::move(value));
}

std::string Lexer::unescape(std::string_view body) {
    std::string value;
    while (!body.empty()) {
        if (body[0] != '\\') {
            value.push_back(body[0]);
            body.remove_prefix(1);
            continue;
        }
        const size_t size = append_escape(value, body.substr(1));
        if (size == 0) fail(position(at_), "invalid syntax: bad escape in a quoted text");
        body.remove_prefix(1 + size);
    }
    return value;
}

}  // namespace sandbox::cli::template_detail
