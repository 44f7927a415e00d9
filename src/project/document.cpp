#include "document.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <type_traits>
#include <utility>

#include "sandbox/base/strings.hpp"

namespace sandbox::project {
namespace {

namespace toml = base::toml;

Node convert(const toml::Node& source, std::uint32_t file) {
    Node node;
    node.at = {file, source.at.line, source.at.column};
    std::visit(
        [&](const auto& typed) {
            using Typed = std::decay_t<decltype(typed)>;
            if constexpr (std::is_same_v<Typed, toml::Table>) {
                Table table;
                table.reserve(typed.size());
                for (const toml::Member& member : typed) {
                    table.push_back({member.key,
                                     {file, member.key_at.line, member.key_at.column},
                                     convert(member.node, file)});
                }
                node.value = std::move(table);
            } else if constexpr (std::is_same_v<Typed, toml::Array>) {
                List list;
                list.reserve(typed.size());
                for (const toml::Node& element : typed) list.push_back(convert(element, file));
                node.value = std::move(list);
            } else {
                node.value = typed;
            }
        },
        source.value);
    return node;
}

// How far the word at `column` goes: what the caret underlines.
size_t width_at(std::string_view line, size_t column) {
    if (column >= line.size()) return 1;
    const char first = line[column];
    if (first == '"' || first == '\'') {
        const size_t end = line.find(first, column + 1);
        return end == std::string_view::npos ? line.size() - column : end + 1 - column;
    }
    size_t end = column;
    while (end < line.size() && (std::isalnum(static_cast<unsigned char>(line[end])) != 0 ||
                                 line[end] == '_' || line[end] == '-' || line[end] == '.')) {
        ++end;
    }
    return std::max<size_t>(1, end - column);
}

std::string_view line_of(std::string_view text, std::uint32_t number) {
    for (std::uint32_t line = 1; line < number; ++line) {
        const size_t end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    const std::string_view line = text.substr(0, text.find('\n'));
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

}  // namespace

Member* find_member(Table& table, std::string_view key) {
    for (Member& member : table) {
        if (member.key == key) return &member;
    }
    return nullptr;
}

const Node* Node::find(std::string_view key) const noexcept {
    const Table* members = table();
    if (members == nullptr) return nullptr;
    for (const Member& member : *members) {
        if (member.key == key) return &member.node;
    }
    return nullptr;
}

std::string_view Node::type_name() const noexcept {
    constexpr std::array<std::string_view, 7> kNames{
        "nothing", "true or false", "a whole number", "a number", "text", "a list", "a table"};
    return kNames[value.index()];
}

std::uint32_t Documents::add(std::string name, std::string text,
                             std::shared_ptr<const Scope> scope) {
    files_.push_back({std::move(name), std::move(text), std::move(scope)});
    return static_cast<std::uint32_t>(files_.size() - 1);
}

Node Documents::parse_toml(std::uint32_t file) const {
    const std::string& name = files_[file].name;
    try {
        return convert(toml::parse(files_[file].text, name), file);
    } catch (base::UsageError& error) {
        // "FILE:LINE:COLUMN: why": the place is there already, the line is not.
        const std::string& message = error.message();
        const std::string prefix = name + ":";
        if (!message.starts_with(prefix)) throw;
        const auto parts = base::split(std::string_view(message).substr(prefix.size()), ':', 3);
        if (parts.size() < 3) throw;
        const auto line = base::try_parse_u64(parts[0]);
        const auto column = base::try_parse_u64(parts[1]);
        if (!line || !column) throw;
        error.set_detail(excerpt(
            {file, static_cast<std::uint32_t>(*line), static_cast<std::uint32_t>(*column)}));
        throw;
    }
}

std::string Documents::where(const Place& at) const {
    return files_[at.file].name + ":" + std::to_string(at.line);
}

std::string Documents::excerpt(const Place& at) const {
    constexpr size_t kMaxWidth = 100;
    const std::string_view line = line_of(files_[at.file].text, at.line);
    if (line.empty() || at.column == 0 || at.column > line.size() + 1) return {};
    const size_t column = at.column - 1;
    // A long line is shown from near the place on.
    const size_t from = column > kMaxWidth - 20 ? column - 20 : 0;
    const std::string_view shown = line.substr(from, kMaxWidth);
    std::string indent;
    for (const char c : line.substr(from, column - from)) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\t') {
            indent += '\t';
        } else if ((byte & 0xc0U) != 0x80U) {  // a letter of several bytes is one column wide
            indent += ' ';
        }
    }
    // A tab is no attack on a terminal, and the caret needs it.
    std::vector<std::string> pieces = base::split(shown, '\t');
    for (std::string& piece : pieces) piece = base::escape_control(piece);
    const std::string safe = base::join(pieces, "\t");
    const std::string number = std::to_string(at.line);
    const size_t width = std::min(width_at(line, column), kMaxWidth - (column - from));
    std::string carets(1, '^');
    carets.append(width > 1 ? width - 1 : 0, '~');
    return "  " + number + " | " + safe + "\n  " + std::string(number.size(), ' ') + " | " +
           indent + carets;
}

base::UsageError Documents::error(const Place& at, const std::string& message,
                                  std::string hint) const {
    std::string text = files_[at.file].name;
    if (at.line != 0) text += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    base::UsageError error(text + ": " + message, std::move(hint));
    if (at.line != 0) error.set_detail(excerpt(at));
    return error;
}

void Documents::fail(const Place& at, const std::string& message, std::string hint) const {
    throw error(at, message, std::move(hint));
}

}  // namespace sandbox::project
