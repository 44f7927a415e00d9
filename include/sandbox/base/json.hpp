// JSON as a plain value. Parsing is strict: no duplicate keys, no NaN, no BOM, no NUL in strings,
// valid UTF-8, depth and size limited; numbers keep 64-bit integers exact.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sandbox::base::json {

class Value;
using Array = std::vector<Value>;
// Keeps the order of insertion (documents are small; lookup is linear).
class Object {
  public:
    using Member = std::pair<std::string, Value>;
    Object() = default;
    Object(std::initializer_list<Member> members);
    Value& operator[](std::string_view key);  // inserts null when missing
    [[nodiscard]] const Value* find(std::string_view key) const noexcept;  // null when missing
    [[nodiscard]] Value* find(std::string_view key) noexcept;
    void erase(std::string_view key);
    [[nodiscard]] bool empty() const noexcept;
    [[nodiscard]] size_t size() const noexcept;
    // Contiguous members: usable in a range-based for.
    [[nodiscard]] const Member* begin() const noexcept;
    [[nodiscard]] const Member* end() const noexcept;
    [[nodiscard]] Member* begin() noexcept;
    [[nodiscard]] Member* end() noexcept;
    void append(std::string key, Value value);  // Must not exist yet

  private:
    std::vector<Member> members_;
};

class Value {
  public:
    Value() = default;  // null. NOLINTBEGIN(google-explicit-constructor): as good as literals
    Value(std::nullptr_t) {}
    Value(bool b) : data_(b) {}
    Value(int n) : data_(static_cast<std::int64_t>(n)) {}
    Value(unsigned n) : data_(static_cast<std::int64_t>(n)) {}
    Value(long n) : data_(static_cast<std::int64_t>(n)) {}
    Value(long long n) : data_(static_cast<std::int64_t>(n)) {}
    Value(unsigned long n) : data_(static_cast<std::uint64_t>(n)) {}
    Value(unsigned long long n) : data_(static_cast<std::uint64_t>(n)) {}
    Value(double d) : data_(d) {}
    Value(const char* s) : data_(std::string(s)) {}
    Value(std::string s) : data_(std::move(s)) {}
    Value(std::string_view s) : data_(std::string(s)) {}
    Value(Array a) : data_(std::move(a)) {}
    Value(Object o) : data_(std::move(o)) {}
    Value(const std::vector<std::string>& strings);
    Value(const std::map<std::string, std::string>& members);
    // NOLINTEND(google-explicit-constructor)
    [[nodiscard]] bool is_null() const noexcept { return data_.index() == 0; }
    [[nodiscard]] const bool* as_bool() const noexcept { return std::get_if<bool>(&data_); }
    [[nodiscard]] const std::string* as_string() const noexcept {
        return std::get_if<std::string>(&data_);
    }
    [[nodiscard]] const Array* as_array() const noexcept { return std::get_if<Array>(&data_); }
    [[nodiscard]] Array* as_array() noexcept { return std::get_if<Array>(&data_); }
    [[nodiscard]] const Object* as_object() const noexcept { return std::get_if<Object>(&data_); }
    [[nodiscard]] Object* as_object() noexcept { return std::get_if<Object>(&data_); }
    [[nodiscard]] bool is_number() const noexcept;
    [[nodiscard]] std::optional<std::int64_t> try_i64() const noexcept;   // integers only
    [[nodiscard]] std::optional<std::uint64_t> try_u64() const noexcept;  // integers ≥ 0 only
    [[nodiscard]] std::optional<double> try_double() const noexcept;      // any number
    // Member of an object; null Value when this is no object or has no such key.
    [[nodiscard]] const Value& operator[](std::string_view key) const noexcept;
    // Convenience for our own records: "" / {} when of another type.
    [[nodiscard]] std::string string_or(std::string_view key, std::string fallback = {}) const;
    [[nodiscard]] bool is_true() const noexcept { return as_bool() != nullptr && *as_bool(); }
    // The strings of a list, the members of an object that are strings; others are left out.
    [[nodiscard]] std::vector<std::string> strings() const;
    [[nodiscard]] std::map<std::string, std::string> string_members() const;

    using Data = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double,
                              std::string, Array, Object>;
    [[nodiscard]] const Data& data() const noexcept { return data_; }

  private:
    Data data_;
};

inline bool Object::empty() const noexcept {
    return members_.empty();
}
inline size_t Object::size() const noexcept {
    return members_.size();
}
inline const Object::Member* Object::begin() const noexcept {
    return members_.data();
}
inline const Object::Member* Object::end() const noexcept {
    return begin() + size();
}
inline Object::Member* Object::begin() noexcept {
    return members_.data();
}
inline Object::Member* Object::end() noexcept {
    return begin() + size();
}

struct Limits {
    size_t max_bytes = 4u << 20;
    size_t max_depth = 64;
    size_t max_values = 500'000;  // bounds what a document of zeros costs in memory
};

// Throws IntegrityError "bad json at byte N: why".
[[nodiscard]] Value parse(std::string_view text, const Limits& limits = {});
// Go's encoding/json escapes <, > and & in strings (html); docker's templates switch that off
// (plain). Scripts compare such output byte by byte.
enum class Escape { html, plain };
// Compact, keys in order; `indent` > 0: pretty. Non-UTF-8 bytes become U+FFFD.
[[nodiscard]] std::string dump(const Value& value, int indent = 0, Escape escape = Escape::html);
[[nodiscard]] std::string quote_string(std::string_view text, Escape escape = Escape::html);

}  // namespace sandbox::base::json
