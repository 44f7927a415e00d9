// What profile files say, whatever they are written in: one tree whose every node knows its place.
// Merging, interpolation and the reading of keys work on it, so that TOML and compose's YAML have
// one set of rules. Not for what a key means (service_keys.cpp and its like).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/toml.hpp"
#include "scope.hpp"

namespace sandbox::project {

struct Place {
    std::uint32_t file = 0;    // index into Documents
    std::uint32_t line = 0;    // from 1; 0: the file as a whole
    std::uint32_t column = 0;  // from 1
};

struct Member;
struct Node;
using List = std::vector<Node>;
using Table = std::vector<Member>;  // in source order, keys are unique

struct Node {
    std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Table> value;
    Place at;
    bool replaces = false;  // Compose's !override and !reset: not merged with an earlier file's

    [[nodiscard]] bool is_null() const noexcept { return value.index() == 0; }
    [[nodiscard]] bool is_reset() const noexcept { return replaces && is_null(); }
    [[nodiscard]] const std::string* text() const noexcept {
        return std::get_if<std::string>(&value);
    }
    [[nodiscard]] const List* list() const noexcept { return std::get_if<List>(&value); }
    [[nodiscard]] const Table* table() const noexcept { return std::get_if<Table>(&value); }
    [[nodiscard]] Table* table() noexcept { return std::get_if<Table>(&value); }
    [[nodiscard]] const Node* find(std::string_view key) const noexcept;  // tables only
    [[nodiscard]] std::string_view type_name() const noexcept;            // "text", "table", …
};
struct Member {
    std::string key;
    Place key_at;
    Node node;
};

// Null: there is none of that key.
[[nodiscard]] Member* find_member(Table& table, std::string_view key);

// The files of one project, kept so that an error can show the line it speaks of.
class Documents {
  public:
    // Answers the file's index. Without a scope, its values must not be read by a Reader.
    std::uint32_t add(std::string name, std::string text,
                      std::shared_ptr<const Scope> scope = nullptr);
    [[nodiscard]] size_t count() const noexcept { return files_.size(); }
    [[nodiscard]] const Scope& scope(const Place& at) const { return *files_[at.file].scope; }
    [[nodiscard]] std::shared_ptr<const Scope> share_scope(const Place& at) const {
        return files_[at.file].scope;
    }
    // Parses the file as TOML. Throws UsageError like fail().
    [[nodiscard]] Node parse_toml(std::uint32_t file) const;
    [[nodiscard]] const std::string& name(std::uint32_t file) const { return files_[file].name; }
    [[nodiscard]] const std::string& text(std::uint32_t file) const { return files_[file].text; }

    // "FILE:LINE:COLUMN: message", with the line and a caret below it as detail.
    [[nodiscard]] base::UsageError error(const Place& at, const std::string& message,
                                         std::string hint = {}) const;
    [[noreturn]] void fail(const Place& at, const std::string& message,
                           std::string hint = {}) const;
    // "FILE:LINE", for sentences that name a second place.
    [[nodiscard]] std::string where(const Place& at) const;

  private:
    struct File {
        std::string name, text;
        std::shared_ptr<const Scope> scope;
    };
    [[nodiscard]] std::string excerpt(const Place& at) const;
    std::vector<File> files_;
};

}  // namespace sandbox::project
