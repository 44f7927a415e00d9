// Objects of a resolved profile: what is not set is not there.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::project {

class ObjectMaker {
  public:
    void text(std::string_view key, const std::string& value) {
        if (!value.empty()) object[key] = value;
    }
    void text(std::string_view key, const std::optional<std::string>& value) {
        if (value) object[key] = *value;
    }
    void number(std::string_view key, const std::optional<std::string>& value) {
        if (value) object[key] = base::try_parse_i64(*value).value_or(0);
    }
    void words(std::string_view key, const std::vector<std::string>& values) {
        if (!values.empty()) object[key] = values;
    }
    void flag(std::string_view key, bool value) {
        if (value) object[key] = true;
    }
    // "NAME=value" lines as a table.
    void pairs(std::string_view key, const std::vector<std::string>& lines) {
        if (lines.empty()) return;
        base::json::Object table;
        for (const std::string& line : lines) {
            const size_t equals = line.find('=');
            table[line.substr(0, equals)] =
                equals == std::string::npos ? std::string() : line.substr(equals + 1);
        }
        object[key] = std::move(table);
    }
    base::json::Object object;
};

}  // namespace sandbox::project
