#include "reader.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <optional>

#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"

namespace sandbox::project {
namespace {

using base::quote;
using base::UsageError;

std::string number_text(double number) {
    std::array<char, 64> buffer{};
    (void)std::snprintf(buffer.data(), buffer.size(), "%.15g", number);
    return buffer.data();
}

std::optional<bool> try_boolean(const std::string& word) {
    if (word == "true" || word == "yes" || word == "on") return true;
    if (word == "false" || word == "no" || word == "off") return false;
    return std::nullopt;
}

}  // namespace

void Reader::fail_type(const Node& node, std::string_view wanted) const {
    fail(node.at, "expected " + std::string(wanted) + ", found " + std::string(node.type_name()));
}

const Table& Reader::members(const Node& node, std::string_view owner) const {
    static const Table kNone;
    if (node.is_null()) return kNone;
    const Table* table = node.table();
    if (table == nullptr) {
        fail(node.at,
             std::string(owner) + ": expected a table, found " + std::string(node.type_name()));
    }
    return *table;
}

std::string Reader::text(const Node& node) {
    const std::string* raw = node.text();
    if (raw == nullptr) fail_type(node, "text");
    std::string value = at(node.at, [&] {
        return interpolate(*raw, variables(node.at), [&](const std::string& name) {
            note(documents_.where(node.at) + ": variable " + quote(name) +
                 " is not set: it counts as empty");
        });
    });
    if (value.find('\0') != std::string::npos) fail(node.at, "the value holds a NUL byte");
    return value;
}

std::string Reader::scalar(const Node& node) {
    if (const auto* flag = std::get_if<bool>(&node.value)) return *flag ? "true" : "false";
    if (const auto* whole = std::get_if<std::int64_t>(&node.value)) return std::to_string(*whole);
    if (const auto* real = std::get_if<double>(&node.value)) return number_text(*real);
    if (node.text() == nullptr) fail_type(node, "text or a number");
    return text(node);
}

bool Reader::boolean(const Node& node) {
    if (const auto* flag = std::get_if<bool>(&node.value)) return *flag;
    if (node.text() == nullptr) fail_type(node, "true or false");
    const std::string word = text(node);
    const std::optional<bool> value = try_boolean(word);
    if (!value) fail(node.at, "expected true or false, found " + quote(word));
    return *value;
}

std::uint32_t Reader::file_mode(const Node& node) {
    constexpr std::uint32_t kMost = 07777;
    if (node.text() == nullptr) return static_cast<std::uint32_t>(integer(node, 0, kMost));
    const std::string typed = text(node);
    std::uint32_t mode = 0;
    for (const char c : typed) {
        if (c >= '0' && c <= '7') mode = mode * 8 + static_cast<std::uint32_t>(c - '0');
        if (c < '0' || c > '7' || mode > kMost) mode = kMost + 1;
    }
    if (typed.empty() || mode > kMost) fail(node.at, "not an octal mode: " + quote(typed));
    return mode;
}

std::int64_t Reader::integer(const Node& node, std::int64_t least, std::int64_t most) {
    std::optional<std::int64_t> value;
    if (const auto* whole = std::get_if<std::int64_t>(&node.value)) {
        value = *whole;
    } else if (node.text() != nullptr) {
        const std::string word = text(node);
        value = base::try_parse_i64(word);
        if (!value) fail(node.at, "expected a whole number, found " + quote(word));
    } else {
        fail_type(node, "a whole number");
    }
    if (*value < least || *value > most) {
        fail(node.at, std::to_string(*value) + " is out of range",
             "it may be " + std::to_string(least) + " to " + std::to_string(most));
    }
    return *value;
}

std::chrono::nanoseconds Reader::duration(const Node& node) {
    constexpr std::int64_t kMaxSeconds = 10LL * 365 * 24 * 3600;
    if (std::holds_alternative<std::int64_t>(node.value)) {
        return std::chrono::seconds(integer(node, 0, kMaxSeconds));
    }
    const std::string word = text(node);
    if (const auto ns = base::try_parse_duration_ns(word)) return std::chrono::nanoseconds(*ns);
    const auto seconds = base::try_parse_u64(word);
    if (!seconds || *seconds > kMaxSeconds) {
        fail(node.at, "expected a duration, found " + quote(word),
             "for example \"500ms\", \"30s\" or \"1m30s\"");
    }
    return std::chrono::seconds(*seconds);
}

std::string Reader::size(const Node& node) {
    if (std::holds_alternative<std::int64_t>(node.value)) {
        // -1 is no size, but for some limits the word for none; whose it is not refuses it later.
        return std::to_string(integer(node, -1, std::numeric_limits<std::int64_t>::max()));
    }
    std::string word = text(node);
    if (word != "-1" && !base::try_parse_size_bytes(word)) {
        fail(node.at, "expected a size, found " + quote(word),
             "for example \"64m\", \"1.5g\" or a number of bytes");
    }
    return word;
}

std::vector<std::string> Reader::words(const Node& node) {
    std::vector<std::string> result;
    if (node.list() == nullptr) {
        result.push_back(scalar(node));
        return result;
    }
    for (const Node& element : *node.list()) result.push_back(scalar(element));
    return result;
}

std::vector<std::string> Reader::command(const Node& node) {
    if (node.list() != nullptr) return words(node);
    return at(node.at, [&] { return split_words(scalar(node)); });
}

std::vector<Reader::Pair> Reader::pairs(const Node& node) {
    std::vector<Pair> result;
    if (const Table* table = node.table()) {
        for (const Member& member : *table) {
            Pair pair{member.key, std::nullopt, member.key_at};
            if (!member.node.is_null()) pair.value = scalar(member.node);
            result.push_back(std::move(pair));
        }
        return result;
    }
    if (node.list() == nullptr) fail_type(node, "a table or a list of \"NAME=value\"");
    for (const Node& element : *node.list()) {
        const std::string line = text(element);
        const size_t equals = line.find('=');
        Pair pair{line.substr(0, equals), std::nullopt, element.at};
        if (equals != std::string::npos) pair.value = line.substr(equals + 1);
        if (pair.name.empty()) fail(element.at, "expected \"NAME=value\", found " + quote(line));
        result.push_back(std::move(pair));
    }
    return result;
}

std::string Reader::resolve(const std::string& typed, const Place& place) const {
    if (typed.starts_with("/")) return base::clean_path(typed);
    if (typed == "~" || typed.starts_with("~/")) {
        return base::clean_path(base::host_user().home + typed.substr(1));
    }
    return base::clean_path(documents_.scope(place).directory + "/" + typed);
}

std::string Reader::path(const Node& node) {
    const std::string typed = text(node);
    if (typed.empty()) fail(node.at, "the path is empty");
    return resolve(typed, node.at);
}

std::vector<std::string> Reader::paths(const Node& node) {
    std::vector<std::string> result;
    if (node.list() == nullptr) {
        result.push_back(resolve(scalar(node), node.at));
        return result;
    }
    for (const Node& each : *node.list()) result.push_back(resolve(scalar(each), each.at));
    return result;
}

std::string Reader::choice(const Node& node, std::string_view choices) {
    std::string word = scalar(node);
    const std::vector<std::string> known = base::split(choices, '|');
    for (const std::string& each : known) {
        if (each == word) return word;
    }
    const auto nearest = base::try_nearest(word, known);
    fail(
        node.at, "unknown value " + quote(word),
        nearest ? "did you mean " + quote(*nearest) + "?" : "it may be " + base::join(known, ", "));
}

std::vector<std::string> split_words(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote_mark = '\0';
    for (size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote_mark == '\'') {
            if (c == '\'') {
                quote_mark = '\0';
            } else {
                word += c;
            }
        } else if (c == '\\' &&
                   (quote_mark == '\0' ||
                    (i + 1 < line.size() &&
                     (line[i + 1] == '"' || line[i + 1] == '\\' || line[i + 1] == '$')))) {
            if (++i == line.size()) throw UsageError("a backslash at the end of the line");
            if (line[i] != '\n') word += line[i];
            in_word = true;
        } else if (quote_mark == '"') {
            if (c == '"') {
                quote_mark = '\0';
            } else {
                word += c;
            }
        } else if (c == '"' || c == '\'') {
            quote_mark = c;
            in_word = true;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            if (in_word) words.push_back(std::exchange(word, {}));
            in_word = false;
        } else {
            word += c;
            in_word = true;
        }
    }
    if (quote_mark != '\0') {
        throw UsageError(std::string("a ") + quote_mark + " quote is never closed");
    }
    if (in_word) words.push_back(std::move(word));
    return words;
}

}  // namespace sandbox::project
