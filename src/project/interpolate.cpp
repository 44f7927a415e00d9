#include "interpolate.hpp"

#include <cctype>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::project {
namespace {

using base::UsageError;

constexpr int kMaxDepth = 32;
constexpr size_t kMaxBytes = 16u << 20;

bool starts_name(char c) noexcept {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool in_name(char c) noexcept {
    return starts_name(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}

class Interpolation {
  public:
    Interpolation(const Variables& variables, const std::function<void(const std::string&)>& unset)
        : variables_(variables), unset_(unset) {}

    std::string expand(std::string_view text, int depth) {
        if (depth > kMaxDepth) throw UsageError("\"${…}\" is nested too deeply");
        std::string result;
        while (!text.empty()) {
            const size_t dollar = text.find('$');
            result += text.substr(0, dollar);
            if (dollar == std::string_view::npos) break;
            text.remove_prefix(dollar + 1);
            result += expand_one(text, depth);
            if (result.size() > kMaxBytes) throw UsageError("the value is longer than 16 MiB");
        }
        return result;
    }

  private:
    // `text` begins behind the dollar sign; what was used is taken off.
    std::string expand_one(std::string_view& text, int depth) {
        if (text.starts_with('$')) {
            text.remove_prefix(1);
            return "$";
        }
        if (text.starts_with('{')) {
            const size_t end = find_end(text);
            const std::string_view inside = text.substr(1, end - 1);
            text.remove_prefix(end + 1);
            return expand_braces(inside, depth);
        }
        size_t length = 0;
        if (!text.empty() && starts_name(text[0])) {
            while (length < text.size() && in_name(text[length])) ++length;
        }
        if (length == 0) {
            throw UsageError("a dollar sign without a name",
                             "write \"$$\" for a dollar sign, \"${NAME}\" for a variable");
        }
        const std::string name(text.substr(0, length));
        text.remove_prefix(length);
        return value_or_empty(name);
    }

    // The brace that closes the one at [0].
    static size_t find_end(std::string_view text) {
        int depth = 0;
        for (size_t at = 0; at < text.size(); ++at) {
            if (text[at] == '{' && (at == 0 || text[at - 1] == '$')) ++depth;
            if (text[at] == '}' && --depth == 0) return at;
        }
        throw UsageError("\"${\" is never closed", "write \"$${\" for these two characters");
    }

    std::string expand_braces(std::string_view inside, int depth) {
        size_t length = 0;
        if (!inside.empty() && starts_name(inside[0])) {
            while (length < inside.size() && in_name(inside[length])) ++length;
        }
        const std::string name(inside.substr(0, length));
        std::string_view rest = inside.substr(length);
        if (name.empty()) {
            throw UsageError(base::quote("${" + std::string(inside) + "}") + " names no variable",
                             "a name has letters, digits and \"_\"; commands are not executed");
        }
        if (rest.empty()) return value_or_empty(name);
        const bool empty_counts = rest.starts_with(':');
        if (empty_counts) rest.remove_prefix(1);
        const char form = rest.empty() ? '\0' : rest[0];
        if (form != '-' && form != '?' && form != '+') {
            throw UsageError(base::quote("${" + std::string(inside) + "}") + " is no known form",
                             "there are ${NAME}, ${NAME:-default}, ${NAME:?message} and "
                             "${NAME:+other}");
        }
        const std::string_view word = rest.substr(1);
        const std::optional<std::string> value = variables_(name);
        const bool there = value && (!empty_counts || !value->empty());
        if (form == '-') return there ? *value : expand(word, depth + 1);
        if (form == '+') return there ? expand(word, depth + 1) : std::string();
        if (there) return *value;
        const std::string why = expand(word, depth + 1);
        throw UsageError("variable " + base::quote(name) + " is required" +
                             (why.empty() ? std::string() : ": " + why),
                         "set it in the environment or in .env");
    }

    std::string value_or_empty(const std::string& name) {
        std::optional<std::string> value = variables_(name);
        if (value) return std::move(*value);
        if (unset_) unset_(name);
        return {};
    }

    const Variables& variables_;
    const std::function<void(const std::string&)>& unset_;
};

}  // namespace

std::string interpolate(std::string_view text, const Variables& variables,
                        const std::function<void(const std::string&)>& unset) {
    if (text.find('$') == std::string_view::npos) return std::string(text);
    return Interpolation(variables, unset).expand(text, 0);
}

}  // namespace sandbox::project
