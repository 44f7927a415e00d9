#include "fields.hpp"

#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::oci {

using base::json::Array;
using base::json::Object;
using base::json::Value;

Fields::Fields(const Value& value, std::string where)
    : object_(value.as_object()), where_(std::move(where)) {
    if (object_ == nullptr) throw base::IntegrityError(where_ + ": not an object");
}

const Value& Fields::value(std::string_view key) const noexcept {
    static const Value kNull;
    const Value* member = object_->find(key);
    return member != nullptr ? *member : kNull;
}

bool Fields::has(std::string_view key) const noexcept {
    return !value(key).is_null();
}

std::string Fields::path_of(std::string_view key) const {
    return std::string(where_).append(": ").append(key);
}

void Fields::refuse(std::string_view key, std::string_view why) const {
    throw base::IntegrityError(path_of(key).append(": ").append(why));
}

std::string Fields::string(std::string_view key) const {
    if (!has(key)) return {};
    const std::string* text = value(key).as_string();
    if (text == nullptr) refuse(key, "not a string");
    return *text;
}

std::string Fields::required_string(std::string_view key) const {
    if (!has(key)) refuse(key, "missing");
    return string(key);
}

bool Fields::boolean(std::string_view key) const {
    if (!has(key)) return false;
    const bool* flag = value(key).as_bool();
    if (flag == nullptr) refuse(key, "not a boolean");
    return *flag;
}

std::optional<std::int64_t> Fields::number(std::string_view key, std::int64_t most) const {
    if (!has(key)) return std::nullopt;
    const auto number = value(key).try_i64();
    if (!number || *number < 0 || *number > most) {
        refuse(key, "not an integer between 0 and " + std::to_string(most));
    }
    return number;
}

std::optional<std::vector<std::string>> Fields::strings(std::string_view key) const {
    if (!has(key)) return std::nullopt;
    const Array* array = value(key).as_array();
    if (array == nullptr) refuse(key, "not a list of strings");
    std::vector<std::string> texts;
    texts.reserve(array->size());
    for (const Value& element : *array) {
        const std::string* text = element.as_string();
        if (text == nullptr) refuse(key, "not a list of strings");
        texts.push_back(*text);
    }
    return texts;
}

std::map<std::string, std::string> Fields::string_map(std::string_view key) const {
    std::map<std::string, std::string> members;
    if (!has(key)) return members;
    const Object* object = value(key).as_object();
    if (object == nullptr) refuse(key, "not a map of strings");
    for (const auto& [name, element] : *object) {
        const std::string* text = element.as_string();
        if (text == nullptr) refuse(key, "not a map of strings");
        members.emplace(name, *text);
    }
    return members;
}

std::vector<std::string> Fields::keys(std::string_view key) const {
    std::vector<std::string> names;
    if (!has(key)) return names;
    const Object* object = value(key).as_object();
    if (object == nullptr) refuse(key, "not an object");
    for (const auto& member : *object) names.push_back(member.first);
    std::sort(names.begin(), names.end());
    return names;
}

std::optional<Fields> Fields::object(std::string_view key) const {
    if (!has(key)) return std::nullopt;
    return Fields(value(key), path_of(key));
}

std::vector<Fields> Fields::objects(std::string_view key) const {
    std::vector<Fields> objects;
    if (!has(key)) return objects;
    const Array* array = value(key).as_array();
    if (array == nullptr) refuse(key, "not a list");
    objects.reserve(array->size());
    for (size_t i = 0; i < array->size(); ++i) {
        objects.emplace_back((*array)[i], path_of(key) + "[" + std::to_string(i) + "]");
    }
    return objects;
}

void Fields::refuse_case_variants_of(const std::vector<std::string_view>& keys) const {
    for (const auto& member : *object_) {
        for (const std::string_view key : keys) {
            if (member.first != key && member.first.size() == key.size() &&
                base::to_lower(member.first) == base::to_lower(key)) {
                refuse(key, "ambiguous: spelled " + base::quote(member.first));
            }
        }
    }
}

}  // namespace sandbox::oci
