#include "cli/command.hpp"

#include <cstring>
#include <stdexcept>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

std::optional<size_t> try_index_of(const Command& command, std::string_view key) noexcept {
    // Asked for each flag of a table of a hundred at every start, so without cutting out all keys.
    for (size_t i = 0; i < command.flags.size(); ++i) {
        const char* start = std::strstr(command.flags[i].names, "--");
        if (start == nullptr || std::strncmp(start + 2, key.data(), key.size()) != 0) continue;
        const char end = start[2 + key.size()];
        if (end == '\0' || end == ',') return i;
    }
    return std::nullopt;
}

size_t index_of(const Command& command, std::string_view key) {
    if (const std::optional<size_t> index = try_index_of(command, key)) return *index;
    throw std::logic_error("no such flag in the table: " + std::string(key));
}

}  // namespace

std::string_view first_name(const Command& command) noexcept {
    const std::string_view names = command.names;
    return names.substr(0, names.find(','));
}

std::string_view key_of(const Flag& flag) noexcept {
    const std::string_view names = flag.names;
    const size_t start = names.find("--") + 2;
    return names.substr(start, names.find(',', start) - start);
}

std::optional<bool> try_parse_bool(std::string_view text) noexcept {
    for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == word) return true;
    }
    for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == word) return false;
    }
    return std::nullopt;
}

bool Invocation::has_flag(std::string_view key) const noexcept {
    return try_index_of(*command_, key).has_value();
}

bool Invocation::toggle(std::string_view key, bool fallback) const {
    return try_toggle(key).value_or(fallback);
}

std::optional<bool> Invocation::try_toggle(std::string_view key) const {
    const std::vector<std::string>& values = list(key);
    if (values.empty()) return std::nullopt;
    const std::optional<bool> answer = try_parse_bool(values.back());
    if (!answer) {
        throw base::UsageError(
            "invalid argument " + base::quote(values.back()) + " for --" + std::string(key),
            "use true or false", command_->failure_code == 125 ? 125 : 2);
    }
    return answer;
}

std::optional<std::string> Invocation::try_value(std::string_view key) const {
    const std::vector<std::string>& values = list(key);
    if (values.empty()) return std::nullopt;
    return values.back();
}

std::string Invocation::value_or(std::string_view key, std::string fallback) const {
    return try_value(key).value_or(std::move(fallback));
}

const std::vector<std::string>& Invocation::list(std::string_view key) const {
    return values_[index_of(*command_, key)];
}

}  // namespace sandbox::cli
