#include "compose_yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <sstream>

#include "sandbox/base/strings.hpp"

namespace sandbox::project {
namespace {

using base::quote;

constexpr size_t kMaxNodes = 100'000;
constexpr int kMaxDepth = 64;

using Scalar = decltype(Node::value);

std::optional<std::int64_t> try_integer(const std::string& text) {
    std::string_view digits = text;
    bool negative = false;
    if (digits.starts_with('-') || digits.starts_with('+')) {
        negative = digits[0] == '-';
        digits.remove_prefix(1);
    }
    int radix = 10;
    if (digits.starts_with("0x")) radix = 16;
    if (digits.starts_with("0o")) radix = 8;
    if (radix != 10) digits.remove_prefix(2);
    // YAML 1.1, which go's parser follows here: 0644 is octal.
    if (radix == 10 && digits.size() > 1 && digits[0] == '0' &&
        digits.find_first_not_of("01234567") == std::string_view::npos) {
        radix = 8;
    }
    if (digits.empty()) return std::nullopt;
    std::int64_t value = 0;
    for (const char c : digits) {
        int digit = 16;
        if (c >= '0' && c <= '9') digit = c - '0';
        if (radix == 16 && c >= 'a' && c <= 'f') digit = c - 'a' + 10;
        if (radix == 16 && c >= 'A' && c <= 'F') digit = c - 'A' + 10;
        if (digit >= radix) return std::nullopt;
        if (value > (std::numeric_limits<std::int64_t>::max() - digit) / radix) return std::nullopt;
        value = value * radix + digit;
    }
    return negative ? -value : value;
}

std::optional<double> try_real(const std::string& text) {
    if (text.find_first_not_of("0123456789.eE+-") != std::string::npos ||
        text.find_first_of("0123456789") == std::string::npos ||
        text.find_first_of(".eE") == std::string::npos) {
        return std::nullopt;
    }
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (end == nullptr || *end != '\0' || !std::isfinite(value)) return std::nullopt;
    return value;
}

// A plain scalar by YAML's core schema.
Scalar typed(const std::string& text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
        return std::monostate();
    }
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    if (const auto whole = try_integer(text)) return *whole;
    if (const auto real = try_real(text)) return *real;
    return text;
}

class Converter {
  public:
    Converter(const Documents& documents, std::uint32_t file)
        : documents_(documents), file_(file) {}

    Node convert(const YAML::Node& source, int depth) {
        Node node;
        node.at = place(source.Mark());
        if (++nodes_ > kMaxNodes) {
            documents_.fail(node.at, "the file says more than " + std::to_string(kMaxNodes) +
                                         " things: aliases within aliases?");
        }
        if (depth > kMaxDepth) documents_.fail(node.at, "nested too deeply");
        const std::string& tag = source.Tag();
        node.replaces = tag == "!override" || tag == "!reset";
        if (tag == "!reset") return node;
        if (source.IsMap() || source.IsSequence()) check_tag(tag, node.at);
        switch (source.Type()) {
            case YAML::NodeType::Undefined:
            case YAML::NodeType::Null:
                break;
            case YAML::NodeType::Scalar:
                node.value = convert_scalar(source, node.at);
                break;
            case YAML::NodeType::Sequence: {
                List list;
                for (const YAML::Node& element : source)
                    list.push_back(convert(element, depth + 1));
                node.value = std::move(list);
                break;
            }
            case YAML::NodeType::Map:
                node.value = convert_map(source, depth);
                break;
        }
        return node;
    }

  private:
    [[nodiscard]] Place place(const YAML::Mark& mark) const {
        if (mark.is_null()) return {file_, 0, 0};
        return {file_, static_cast<std::uint32_t>(mark.line + 1),
                static_cast<std::uint32_t>(mark.column + 1)};
    }

    Scalar convert_scalar(const YAML::Node& source, const Place& at) const {
        const std::string& tag = source.Tag();
        check_tag(tag, at);
        // "!": quoted; "?": plain.
        if (tag == "!" || tag == "tag:yaml.org,2002:str") return source.Scalar();
        return typed(source.Scalar());
    }

    void check_tag(const std::string& tag, const Place& at) const {
        const bool known = tag.empty() || tag == "?" || tag == "!" || tag == "!override" ||
                           tag.starts_with("tag:yaml.org,2002:");
        if (!known) {
            documents_.fail(at, "unknown tag " + quote(tag), "there are !override and !reset");
        }
    }

    Table convert_map(const YAML::Node& source, int depth) {
        Table table;
        std::vector<Node> merged;
        for (const auto& entry : source) {
            const Place at = place(entry.first.Mark());
            if (!entry.first.IsScalar()) documents_.fail(at, "a key must be text");
            const std::string& key = entry.first.Scalar();
            if (key == "<<") {
                collect_merged(entry.second, depth, merged);
                continue;
            }
            const bool twice = std::any_of(table.begin(), table.end(),
                                           [&](const Member& member) { return member.key == key; });
            if (twice) documents_.fail(at, "key " + quote(key) + " stands twice");
            table.push_back({key, at, convert(entry.second, depth + 1)});
        }
        // What is written here wins; of several merged ones, the first.
        for (Node& other : merged) {
            for (Member& member : *other.table()) {
                const bool known = std::any_of(table.begin(), table.end(), [&](const Member& mine) {
                    return mine.key == member.key;
                });
                if (!known) table.push_back(std::move(member));
            }
        }
        return table;
    }

    void collect_merged(const YAML::Node& source, int depth, std::vector<Node>& merged) {
        if (source.IsMap()) {
            merged.push_back(convert(source, depth + 1));
            return;
        }
        if (source.IsSequence()) {
            for (const YAML::Node& element : source) {
                if (!element.IsMap()) break;
                merged.push_back(convert(element, depth + 1));
            }
            if (merged.size() >= source.size()) return;
        }
        documents_.fail(place(source.Mark()), "\"<<\" needs a table or a list of tables");
    }

    const Documents& documents_;
    std::uint32_t file_;
    size_t nodes_ = 0;
};

// Where documents begin.
class Beginnings final : public YAML::EventHandler {
  public:
    void OnDocumentStart(const YAML::Mark& mark) override { last = mark; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}

    YAML::Mark last = YAML::Mark::null_mark();
};

// Not by YAML::LoadAll(), which for a comma that is in no list finds empty documents for ever, all
// of them at the comma. False: there is none.
bool has_one_document(const Documents& documents, std::uint32_t file) {
    std::istringstream text(documents.text(file));
    YAML::Parser parser(text);
    Beginnings beginnings;
    if (!parser.HandleNextDocument(beginnings)) return false;
    const YAML::Mark first = beginnings.last;
    if (!parser.HandleNextDocument(beginnings)) return true;
    if (beginnings.last.pos == first.pos) {
        throw YAML::ParserException(first, "this stands in no list and in no table");
    }
    documents.fail({file, 0, 0}, "several documents in one file",
                   "keep one, or name several files with -f");
}

}  // namespace

Node parse_yaml(const Documents& documents, std::uint32_t file) {
    try {
        if (!has_one_document(documents, file)) return {};
        return Converter(documents, file).convert(YAML::Load(documents.text(file)), 0);
    } catch (const YAML::Exception& error) {
        const bool placed = !error.mark.is_null();
        const Place at{file, placed ? static_cast<std::uint32_t>(error.mark.line + 1) : 0,
                       placed ? static_cast<std::uint32_t>(error.mark.column + 1) : 0};
        documents.fail(at, "not YAML: " + base::escape_control(error.msg));
    }
}

}  // namespace sandbox::project
