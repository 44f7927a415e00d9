// Writing JSON as Go's encoding/json does: the scripts of docker's users compare it byte by byte.
#include <array>
#include <charconv>
#include <cmath>

#include "sandbox/base/json.hpp"
#include "utf8.hpp"

namespace sandbox::base::json {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_unicode_escape(std::string& out, std::uint32_t code) {
    out.append("\\u");
    for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHexDigits[code >> shift & 0xF]);
}

void append_char(std::string& out, std::string_view bytes, std::uint32_t code, Escape escape) {
    switch (code) {
        case '"':
            out.append("\\\"");
            return;
        case '\\':
            out.append("\\\\");
            return;
        case '\n':
            out.append("\\n");
            return;
        case '\r':
            out.append("\\r");
            return;
        case '\t':
            out.append("\\t");
            return;
        case '\b':
            out.append("\\b");
            return;
        case '\f':
            out.append("\\f");
            return;
        default:
            break;
    }
    // Line and paragraph separator end a line in JavaScript.
    const bool always = code < 0x20 || code == 0x2028 || code == 0x2029;
    const bool in_html = code == '<' || code == '>' || code == '&';
    const bool escaped = always || (in_html && escape == Escape::html);
    if (escaped) {
        append_unicode_escape(out, code);
    } else {
        out.append(bytes);
    }
}

void append_string(std::string& out, std::string_view text, Escape escape) {
    out.push_back('"');
    while (!text.empty()) {
        const Utf8Step step = next_utf8(text);
        if (step.valid) {
            append_char(out, text.substr(0, step.size_bytes), step.code_point, escape);
        } else {
            append_unicode_escape(out, 0xFFFD);
        }
        text.remove_prefix(step.size_bytes);
    }
    out.push_back('"');
}

// Go: shortest digits that read back the same; exponent form below 1e-6 and from 1e21 on.
void append_double(std::string& out, double number) {
    if (!std::isfinite(number)) {
        out.append("null");
        return;
    }
    if (number == 0 && std::signbit(number)) {
        out.append("-0.0");  // "-0" would be read back as the integer 0
        return;
    }
    const double size = std::fabs(number);
    const bool scientific = size != 0 && (size < 1e-6 || size >= 1e21);
    std::array<char, 64> buffer{};
    const auto format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
    const auto [end, error] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format);
    (void)error;  // 21 digits and a sign fit
    std::string text(buffer.data(), end);
    // "1e-09" → "1e-9"
    const size_t exponent = text.find("e-0");
    if (exponent != text.npos) text.erase(exponent + 2, 1);
    out.append(text);
}

class Writer {
  public:
    Writer(int indent, Escape escape) : indent_(indent), escape_(escape) {}

    void write(const Value& value) {
        std::visit([this](const auto& alternative) { put(alternative); }, value.data());
    }
    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    void put(std::monostate) { out_.append("null"); }
    void put(bool b) { out_.append(b ? "true" : "false"); }
    void put(std::int64_t n) { out_.append(std::to_string(n)); }
    void put(std::uint64_t n) { out_.append(std::to_string(n)); }
    void put(double d) { append_double(out_, d); }
    void put(const std::string& text) { append_string(out_, text, escape_); }
    void put(const Array& array) {
        put_list('[', ']', array, [this](const Value& element) { write(element); });
    }
    void put(const Object& object) {
        put_list('{', '}', object, [this](const Object::Member& member) {
            append_string(out_, member.first, escape_);
            out_.append(indent_ > 0 ? ": " : ":");
            write(member.second);
        });
    }

    template <typename List, typename PutElement>
    void put_list(char opening, char closing, const List& list, PutElement put_element) {
        out_.push_back(opening);
        ++depth_;
        bool first = true;
        for (const auto& element : list) {
            if (!first) out_.push_back(',');
            first = false;
            break_line();
            put_element(element);
        }
        --depth_;
        if (!first) break_line();
        out_.push_back(closing);
    }
    void break_line() {
        if (indent_ <= 0) return;
        out_.push_back('\n');
        out_.append(static_cast<size_t>(indent_) * depth_, ' ');
    }

    int indent_;
    Escape escape_;
    size_t depth_ = 0;
    std::string out_;
};

}  // namespace

std::string dump(const Value& value, int indent, Escape escape) {
    Writer writer(indent, escape);
    writer.write(value);
    return writer.take();
}

std::string quote_string(std::string_view text, Escape escape) {
    std::string out;
    append_string(out, text, escape);
    return out;
}

}  // namespace sandbox::base::json
