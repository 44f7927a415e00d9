#include "filter.hpp"

#include <regex.h>

#include <algorithm>
#include <array>

#include "sandbox/base/error.hpp"
#include "sandbox/base/scope_exit.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

[[noreturn]] void refuse_key(const std::string& key, const std::vector<std::string>& known) {
    const auto nearest = base::try_nearest(key, known);
    std::string hint = "known filters: " + base::join(known, ", ");
    if (nearest) hint = "did you mean " + base::quote(*nearest) + "? " + hint;
    throw base::UsageError("invalid filter " + base::quote(key), std::move(hint));
}

// "label!=k=v" → {"label!", "k=v"}; "name=x" → {"name", "x"}.
std::pair<std::string, std::string> split_filter(const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
        throw base::UsageError("bad format of filter " + base::quote(text),
                               "write it as name=value");
    }
    return {base::to_lower(base::trim(text.substr(0, equals))),
            std::string(base::trim(text.substr(equals + 1)))};
}

bool has_label(const std::map<std::string, std::string>& labels, const std::string& wanted) {
    const size_t equals = wanted.find('=');
    const auto found = labels.find(wanted.substr(0, equals));
    if (found == labels.end()) return false;
    return equals == std::string::npos || found->second == wanted.substr(equals + 1);
}

bool regex_matches(const std::string& expression, const std::string& text) {
    regex_t compiled{};
    const int rc = ::regcomp(&compiled, expression.c_str(), REG_EXTENDED | REG_NOSUB);
    if (rc != 0) {
        std::array<char, 128> why{};
        (void)::regerror(rc, &compiled, why.data(), why.size());
        throw base::UsageError("bad regular expression " + base::quote(expression) + ": " +
                               base::to_lower(why.data()));
    }
    const base::ScopeExit release([&]() noexcept { ::regfree(&compiled); });
    return ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
}

}  // namespace

Filters Filters::parse(const std::vector<std::string>& texts,
                       const std::vector<std::string>& known) {
    Filters filters;
    for (const std::string& text : texts) {
        auto [key, value] = split_filter(text);
        if (std::find(known.begin(), known.end(), key) == known.end()) refuse_key(key, known);
        filters.values_[std::move(key)].push_back(std::move(value));
    }
    return filters;
}

bool Filters::has(std::string_view key) const noexcept {
    return values_.find(key) != values_.end();
}

const std::vector<std::string>& Filters::values(std::string_view key) const noexcept {
    static const std::vector<std::string> kNone;
    const auto found = values_.find(key);
    return found != values_.end() ? found->second : kNone;
}

bool Filters::is(std::string_view key, std::string_view text) const {
    return any(key, [&](const std::string& value) { return value == text; });
}

bool Filters::matches_regex(std::string_view key, std::string_view text) const {
    return any(key, [&](const std::string& value) {
        return text.find(value) != text.npos || regex_matches(value, std::string(text));
    });
}

bool Filters::is_prefix(std::string_view key, std::string_view text) const {
    return any(key,
               [&](const std::string& value) { return text.substr(0, value.size()) == value; });
}

bool Filters::matches_labels(const std::map<std::string, std::string>& labels) const {
    const auto carries = [&](const std::string& wanted) { return has_label(labels, wanted); };
    const std::vector<std::string>& wanted = values("label");
    const std::vector<std::string>& unwanted = values("label!");
    return std::all_of(wanted.begin(), wanted.end(), carries) &&
           std::none_of(unwanted.begin(), unwanted.end(), carries);
}

std::optional<bool> Filters::try_bool(std::string_view key) const {
    if (!has(key)) return std::nullopt;
    const std::string text = base::to_lower(values(key).back());
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    throw base::UsageError(
        "invalid filter " + base::quote(std::string(key) + "=" + values(key).back()),
        "its value is true or false");
}

}  // namespace sandbox::cli
