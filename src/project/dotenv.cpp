#include "dotenv.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::project {
namespace {

using base::UsageError;

class DotenvParser {
  public:
    DotenvParser(std::string_view text, const std::string& file, const Variables& outer)
        : rest_(text), file_(file), outer_(outer) {
        if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    }

    std::map<std::string, std::string> parse() {
        while (!rest_.empty()) {
            ++line_;
            parse_line();
        }
        return std::move(values_);
    }

  private:
    [[noreturn]] void fail(const std::string& why, const std::string& hint = {}) const {
        throw UsageError(file_ + ":" + std::to_string(line_) + ": " + why, hint);
    }

    void parse_line() {
        skip_blanks();
        if (at_end_of_line() || rest_.front() == '#') {
            skip_line();
            return;
        }
        if (rest_.starts_with("export ") || rest_.starts_with("export\t")) {
            rest_.remove_prefix(7);
            skip_blanks();
        }
        const std::string name = parse_name();
        skip_blanks();
        if (at_end_of_line()) {  // NAME alone: the caller's value, if there is one
            if (auto outer = outer_(name)) values_[name] = std::move(*outer);
            skip_line();
            return;
        }
        if (rest_.front() != '=' && rest_.front() != ':') fail("expected \"=\" behind the name");
        rest_.remove_prefix(1);
        skip_blanks();
        std::string value = parse_value();
        if (value.find('\0') != std::string::npos) fail("a value holds a NUL byte");
        values_[name] = std::move(value);
    }

    std::string parse_name() {
        size_t length = 0;
        while (length < rest_.size()) {
            const auto c = static_cast<unsigned char>(rest_[length]);
            if (std::isalnum(c) == 0 && c != '_' && c != '.' && c != '-') break;
            ++length;
        }
        if (length == 0) fail("expected NAME=value");
        std::string name(rest_.substr(0, length));
        rest_.remove_prefix(length);
        return name;
    }

    std::string parse_value() {
        const char quote = rest_.empty() ? '\0' : rest_.front();
        if (quote != '"' && quote != '\'') return parse_bare();
        const unsigned first_line = line_;
        rest_.remove_prefix(1);
        std::string raw;
        for (;;) {
            if (rest_.empty()) {
                line_ = first_line;
                fail("the quote is never closed", "end the value with the quote that begins it");
            }
            const char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == quote) break;
            if (c == '\n') ++line_;
            if (quote == '"' && c == '\\' && !rest_.empty()) {
                raw += unescape(rest_.front());
                rest_.remove_prefix(1);
                continue;
            }
            raw += c;
        }
        skip_blanks();
        if (!at_end_of_line() && rest_.front() != '#') fail("text behind the closing quote");
        skip_line();
        return quote == '"' ? expand(raw) : raw;
    }

    static std::string unescape(char c) {
        switch (c) {
            case 'n':
                return "\n";
            case 'r':
                return "\r";
            case 't':
                return "\t";
            case '$':
                return "$$";
            case '\\':
            case '"':
            case '\'':
                return std::string(1, c);
            default:
                return std::string("\\") + c;
        }
    }

    std::string parse_bare() {
        const size_t end = std::min(rest_.find('\n'), rest_.size());
        std::string_view value = rest_.substr(0, end);
        for (size_t at = 0; at < value.size(); ++at) {
            const bool blank_before =
                at == 0 || std::isspace(static_cast<unsigned char>(value[at - 1])) != 0;
            if (value[at] == '#' && blank_before) {
                value = value.substr(0, at);
                break;
            }
        }
        const std::string text(base::trim(value));
        skip_line();
        return expand(text);
    }

    std::string expand(const std::string& text) {
        const Variables lookup = [this](const std::string& name) -> std::optional<std::string> {
            if (auto value = outer_(name)) return value;
            const auto found = values_.find(name);
            return found == values_.end() ? std::nullopt : std::optional(found->second);
        };
        try {
            return interpolate(text, lookup);
        } catch (UsageError& error) {
            error.add_context(file_ + ":" + std::to_string(line_));
            throw;
        }
    }

    [[nodiscard]] bool at_end_of_line() const {
        return rest_.empty() || rest_.front() == '\n' || rest_.front() == '\r';
    }
    void skip_blanks() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) {
            rest_.remove_prefix(1);
        }
    }
    void skip_line() {
        const size_t end = rest_.find('\n');
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    }

    std::string_view rest_;
    const std::string& file_;
    const Variables& outer_;
    unsigned line_ = 0;
    std::map<std::string, std::string> values_;
};

}  // namespace

std::map<std::string, std::string> parse_dotenv(std::string_view text, const std::string& file,
                                                const Variables& outer) {
    return DotenvParser(text, file, outer).parse();
}

}  // namespace sandbox::project
