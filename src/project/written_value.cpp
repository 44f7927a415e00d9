#include "written_value.hpp"

#include <string>
#include <utility>

namespace sandbox::project {

using base::json::Array;
using base::json::Object;
using base::json::Value;

Value escaped(const Value& value) {
    if (const Object* object = value.as_object()) {
        Object result;
        for (const auto& [key, member] : *object) result[key] = escaped(member);
        return result;
    }
    if (const Array* array = value.as_array()) {
        Array result;
        for (const Value& element : *array) result.push_back(escaped(element));
        return result;
    }
    const std::string* const text = value.as_string();
    if (text == nullptr) return value;
    std::string safe;
    for (const char c : *text) safe += c == '$' ? "$$" : std::string(1, c);
    return safe;
}

Node to_node(const Value& value) {
    Node node;
    if (const Object* object = value.as_object()) {
        Table table;
        for (const auto& [key, member] : *object) table.push_back({key, {}, to_node(member)});
        node.value = std::move(table);
    } else if (const Array* array = value.as_array()) {
        List list;
        for (const Value& element : *array) list.push_back(to_node(element));
        node.value = std::move(list);
    } else if (const std::string* text = value.as_string()) {
        node.value = *text;
    } else if (const bool* flag = value.as_bool()) {
        node.value = *flag;
    } else if (const auto whole = value.try_i64()) {
        node.value = *whole;
    } else if (const auto real = value.try_double()) {
        node.value = *real;
    }
    return node;
}

}  // namespace sandbox::project
