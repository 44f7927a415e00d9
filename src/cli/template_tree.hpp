// What a template is after parsing. Private to template*.cpp.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/json.hpp"

namespace sandbox::cli::template_detail {

// Go counts lines from 1 and bytes within a line from 0.
struct Position {
    size_t line = 1;
    size_t byte = 0;
};

struct Pipeline;

struct Operand {
    enum class Kind { dot, nil, literal, field, variable, function, pipeline };
    Kind kind = Kind::dot;
    Position at;
    std::string text;                    // as written, for messages
    std::string name;                    // variable (with $) or function
    base::json::Value literal;           // literal
    std::vector<std::string> fields;     // of field, variable and pipeline: .A.B
    std::shared_ptr<Pipeline> pipeline;  // in parentheses
};

// The first operand and its arguments.
struct Command {
    std::vector<Operand> operands;
};

struct Pipeline {
    Position at;
    std::vector<std::string> variables;  // `$i, $v := …`; at most two
    bool assigns = false;                // `=`: they exist already
    std::vector<Command> commands;
};

struct Statement;
using Block = std::vector<Statement>;

struct Statement {
    enum class Kind { text, action, condition, with, range, leave, skip };
    Kind kind = Kind::text;
    std::string text;
    Pipeline pipeline;
    Block body;
    Block otherwise;
};

struct Tree {
    Block block;
    std::optional<std::set<std::string>> fields_used;
};

// Throws UsageError "template: :LINE: why".
[[nodiscard]] Tree parse_tree(std::string_view text);
// The fields of the root that the template can ask for; absent: perhaps all.
[[nodiscard]] std::optional<std::set<std::string>> find_fields_used(const Block& block);
[[nodiscard]] bool is_function(std::string_view name) noexcept;

}  // namespace sandbox::cli::template_detail
