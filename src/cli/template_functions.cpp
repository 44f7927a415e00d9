#include "template_functions.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "template_tree.hpp"

namespace sandbox::cli::template_detail {
namespace {

using base::Error;
using base::json::Array;
using base::json::Object;
using base::json::Value;

constexpr size_t kAnyCount = 1000;

struct Function {
    std::string_view name;
    size_t least;
    size_t most;
    Value (*call)(const Values& arguments);
    bool is_dockers = false;  // not one of Go's own
};

const std::string& as_text(const Value& value) {
    const std::string* text = value.as_string();
    if (text == nullptr) {
        throw Error("wrong type for value; expected string; got " + std::string(type_name(value)));
    }
    return *text;
}

std::int64_t as_integer(const Value& value) {
    const auto number = value.try_i64();
    if (!number) {
        throw Error("wrong type for value; expected int; got " + std::string(type_name(value)));
    }
    return *number;
}

// A position in something of `size` elements; `size` itself is allowed where it is an end.
size_t as_position(const Value& value, size_t size, bool is_end) {
    const std::int64_t at = as_integer(value);
    const std::int64_t beyond = static_cast<std::int64_t>(size) + (is_end ? 1 : 0);
    if (at < 0 || at >= beyond) throw Error("index out of range: " + std::to_string(at));
    return static_cast<size_t>(at);
}

// What a missing key answers in Go depends on the map's type: "" in a map of strings.
Value zero_of(const Object& object) {
    const bool only_strings = std::all_of(object.begin(), object.end(), [](const auto& member) {
        return member.second.as_string() != nullptr;
    });
    return only_strings ? Value("") : Value();
}

Value index_once(const Value& value, const Value& key) {
    if (value.is_null()) return Value("");  // docker's maps may be nil and are then empty
    if (const Array* array = value.as_array()) {
        return (*array)[as_position(key, array->size(), false)];
    }
    if (const std::string* text = value.as_string()) {
        const size_t at = as_position(key, text->size(), false);
        return Value(static_cast<int>(static_cast<unsigned char>((*text)[at])));
    }
    const Object* object = value.as_object();
    if (object == nullptr) throw Error("can't index item of type " + std::string(type_name(value)));
    const Value* member = object->find(as_text(key));
    return member != nullptr ? *member : zero_of(*object);
}

Value index(const Values& arguments) {
    Value value = arguments[0];
    for (size_t i = 1; i < arguments.size(); ++i) value = index_once(value, arguments[i]);
    return value;
}

Value slice(const Values& arguments) {
    const Value& value = arguments[0];
    const Array* array = value.as_array();
    const std::string* text = value.as_string();
    if (array == nullptr && text == nullptr) {
        throw Error("can't slice item of type " + std::string(type_name(value)));
    }
    const size_t size = array != nullptr ? array->size() : text->size();
    const size_t from = arguments.size() > 1 ? as_position(arguments[1], size, true) : 0;
    const size_t to = arguments.size() > 2 ? as_position(arguments[2], size, true) : size;
    if (from > to) {
        throw Error("invalid slice index: " + std::to_string(from) + " > " + std::to_string(to));
    }
    if (text != nullptr) return Value(text->substr(from, to - from));
    return Value(Array(array->begin() + static_cast<std::ptrdiff_t>(from),
                       array->begin() + static_cast<std::ptrdiff_t>(to)));
}

Value length(const Values& arguments) {
    const Value& value = arguments[0];
    if (const std::string* text = value.as_string()) return Value(text->size());
    if (const Array* array = value.as_array()) return Value(array->size());
    if (const Object* object = value.as_object()) return Value(object->size());
    if (value.is_null()) return Value(0);
    throw Error("len of type " + std::string(type_name(value)));
}

// "map has no order": the kinds that Go compares.
enum class BasicKind { null, boolean, integer, floating, string };
BasicKind basic_kind(const Value& value) {
    if (value.is_null()) return BasicKind::null;
    if (value.as_bool() != nullptr) return BasicKind::boolean;
    if (value.as_string() != nullptr) return BasicKind::string;
    if (value.try_i64() || value.try_u64()) return BasicKind::integer;
    if (value.is_number()) return BasicKind::floating;
    throw Error("non-comparable type " + print_value(value) + ": " + std::string(type_name(value)));
}

bool integers_less(const Value& a, const Value& b) {
    const auto left = a.try_i64();
    const auto right = b.try_i64();
    if (left && right) return *left < *right;
    if (left || right) return left.has_value();  // beyond 63 bits is larger
    return *a.try_u64() < *b.try_u64();
}

bool equal(const Value& a, const Value& b) {
    const BasicKind kind = basic_kind(a);
    const BasicKind other = basic_kind(b);
    if (kind == BasicKind::null || other == BasicKind::null) return kind == other;
    if (kind != other) throw Error("incompatible types for comparison");
    if (kind == BasicKind::integer) return !integers_less(a, b) && !integers_less(b, a);
    if (kind == BasicKind::boolean) return *a.as_bool() == *b.as_bool();
    if (kind == BasicKind::string) return as_text(a) == as_text(b);
    return *a.try_double() == *b.try_double();
}

bool less(const Value& a, const Value& b) {
    const BasicKind kind = basic_kind(a);
    if (kind != basic_kind(b)) throw Error("incompatible types for comparison");
    switch (kind) {
        case BasicKind::integer:
            return integers_less(a, b);
        case BasicKind::floating:
            return *a.try_double() < *b.try_double();
        case BasicKind::string:
            return as_text(a) < as_text(b);
        default:
            throw Error("invalid type for comparison");
    }
}

Value equals_any(const Values& arguments) {
    return Value(std::any_of(arguments.begin() + 1, arguments.end(),
                             [&](const Value& other) { return equal(arguments[0], other); }));
}

Value split_text(const Values& arguments) {
    const std::string& text = as_text(arguments[0]);
    const std::string& separator = as_text(arguments[1]);
    Array parts;
    size_t at = 0;
    if (separator.empty()) {  // into characters
        while (at < text.size()) {
            size_t end = at + 1;
            while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
                ++end;
            }
            parts.emplace_back(text.substr(at, end - at));
            at = end;
        }
        return Value(std::move(parts));
    }
    for (;;) {
        const size_t found = text.find(separator, at);
        parts.emplace_back(text.substr(at, found - at));
        if (found == std::string::npos) return Value(std::move(parts));
        at = found + separator.size();
    }
}

Value join_list(const Values& arguments) {
    if (arguments[0].is_null()) return Value("");
    const Array* array = arguments[0].as_array();
    if (array == nullptr) {
        throw Error("wrong type for value; expected []string; got " +
                    std::string(type_name(arguments[0])));
    }
    std::vector<std::string> parts;
    for (const Value& element : *array) parts.push_back(print_value(element));
    return Value(base::join(parts, as_text(arguments[1])));
}

Value title(const Values& arguments) {
    std::string text = as_text(arguments[0]);
    bool starts = true;
    for (char& c : text) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool inside = letter || (c >= '0' && c <= '9') || c == '_' || c == '\'' ||
                            static_cast<unsigned char>(c) >= 0x80;
        if (starts && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        starts = !inside;
    }
    return Value(std::move(text));
}

Value pad(const Values& arguments) {
    const std::string& text = as_text(arguments[0]);
    if (text.empty()) return Value("");
    static constexpr std::int64_t kMost = 10'000;
    const auto blanks = [](const Value& value) {
        return std::string(
            static_cast<size_t>(std::clamp<std::int64_t>(as_integer(value), 0, kMost)), ' ');
    };
    return Value(blanks(arguments[1]) + text + blanks(arguments[2]));
}

Value truncate(const Values& arguments) {
    const std::string& text = as_text(arguments[0]);
    const std::int64_t most = as_integer(arguments[1]);
    if (most < 0) throw Error("index out of range: " + std::to_string(most));
    return Value(text.substr(0, static_cast<size_t>(most)));
}

Values without_first(const Values& arguments) {
    return Values(arguments.begin() + 1, arguments.end());
}

constexpr std::array<Function, 23> kFunctions{{
    {"and", 1, kAnyCount, nullptr},
    {"or", 1, kAnyCount, nullptr},
    {"not", 1, 1, [](const Values& a) { return Value(!is_true(a[0])); }},
    {"index", 1, kAnyCount, index},
    {"slice", 1, 3, slice},
    {"len", 1, 1, length},
    {"print", 0, kAnyCount, [](const Values& a) { return Value(sprint(a)); }},
    {"println", 0, kAnyCount, [](const Values& a) { return Value(sprintln(a)); }},
    {"printf", 1, kAnyCount,
     [](const Values& a) { return Value(sprintf(as_text(a[0]), without_first(a))); }},
    {"eq", 2, kAnyCount, equals_any},
    {"ne", 2, 2, [](const Values& a) { return Value(!equal(a[0], a[1])); }},
    {"lt", 2, 2, [](const Values& a) { return Value(less(a[0], a[1])); }},
    {"le", 2, 2, [](const Values& a) { return Value(less(a[0], a[1]) || equal(a[0], a[1])); }},
    {"gt", 2, 2, [](const Values& a) { return Value(less(a[1], a[0])); }},
    {"ge", 2, 2, [](const Values& a) { return Value(less(a[1], a[0]) || equal(a[0], a[1])); }},
    {"json", 1, 1,
     [](const Values& a) { return Value(base::json::dump(a[0], 0, base::json::Escape::plain)); },
     true},
    {"split", 2, 2, split_text, true},
    {"join", 2, 2, join_list, true},
    {"title", 1, 1, title, true},
    {"lower", 1, 1, [](const Values& a) { return Value(base::to_lower(as_text(a[0]))); }, true},
    {"upper", 1, 1, [](const Values& a) { return Value(base::to_upper(as_text(a[0]))); }, true},
    {"pad", 3, 3, pad, true},
    {"truncate", 2, 2, truncate, true},
}};

const Function* find_function(std::string_view name) noexcept {
    for (const Function& function : kFunctions) {
        if (function.name == name) return &function;
    }
    return nullptr;
}

std::string expected_count(const Function& function) {
    if (function.least == function.most) return std::to_string(function.least);
    return "at least " + std::to_string(function.least);
}

const Function& checked_function(std::string_view name, const Values& arguments) {
    const Function* function = find_function(name);
    if (function == nullptr) throw Error("function " + base::quote(name) + " not defined");
    if (arguments.size() < function->least || arguments.size() > function->most) {
        throw Error("wrong number of args for " + std::string(name) + ": want " +
                    expected_count(*function) + " got " + std::to_string(arguments.size()));
    }
    return *function;
}

}  // namespace

bool is_function(std::string_view name) noexcept {
    return find_function(name) != nullptr;
}

bool is_true(const Value& value) noexcept {
    if (value.is_null()) return false;
    if (const bool* flag = value.as_bool()) return *flag;
    if (const std::string* text = value.as_string()) return !text->empty();
    if (const Array* array = value.as_array()) return !array->empty();
    if (const Object* object = value.as_object()) return !object->empty();
    return value.try_double() != 0.0;
}

Value call_function(std::string_view name, const Values& arguments) {
    const Function& function = checked_function(name, arguments);
    return base::with_context("error calling " + std::string(name),
                              [&] { return function.call(arguments); });
}

Value call_heading_function(std::string_view name, const Values& arguments) {
    const Function& function = checked_function(name, arguments);
    return function.is_dockers ? arguments[0] : call_function(name, arguments);
}

}  // namespace sandbox::cli::template_detail
