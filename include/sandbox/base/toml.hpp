// TOML with source positions, over toml++ (which appears in base/toml.cpp only).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sandbox::base::toml {

struct Position {
    std::uint32_t line = 0;    // from 1
    std::uint32_t column = 0;  // from 1
};

struct Node;
using Array = std::vector<Node>;
struct Member;
using Table = std::vector<Member>;  // in source order

struct Node {
    std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Table> value;
    Position at;
    [[nodiscard]] const Node* find(std::string_view key) const noexcept;  // tables only
    [[nodiscard]] std::string_view type_name() const noexcept;            // "string", "table", …
};
struct Member {
    std::string key;
    Position key_at;
    Node node;
};

// Throws UsageError "FILE:LINE:COLUMN: why". Dates and times arrive as strings.
[[nodiscard]] Node parse(std::string_view text, const std::string& file_name);

}  // namespace sandbox::base::toml
