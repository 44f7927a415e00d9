// The only user of nlohmann/json: its SAX reader feeds our own values, so that order, exact
// integers and all refusals are ours. Its parser keeps its state on the heap: depth costs no stack.
#define JSON_NO_IO 1
#include "sandbox/base/json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::base::json {
namespace {

[[noreturn]] void refuse(size_t position, std::string_view why) {
    throw IntegrityError("bad json at byte " + std::to_string(position) + ": " +
                         escape_control(why));
}

// "[json.exception.parse_error.101] parse error at line 1, column 5: why; last read: …" → "why…"
std::string_view reason_of(std::string_view what) {
    const size_t column = what.find(", column ");
    const size_t colon = what.find(": ", column == what.npos ? 0 : column);
    if (colon != what.npos) what.remove_prefix(colon + 2);
    constexpr size_t kLongestReason = 160;
    return what.substr(0, kLongestReason);
}

bool has_duplicate_keys(const Object& object) {
    std::vector<std::string_view> keys;
    keys.reserve(object.size());
    for (const Object::Member& member : object) keys.emplace_back(member.first);
    std::sort(keys.begin(), keys.end());
    return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

class Builder {
  public:
    // The library asks for these names. NOLINTBEGIN(readability-identifier-naming)
    using number_integer_t = nlohmann::json::number_integer_t;
    using number_unsigned_t = nlohmann::json::number_unsigned_t;
    using number_float_t = nlohmann::json::number_float_t;
    using string_t = nlohmann::json::string_t;
    using binary_t = nlohmann::json::binary_t;
    // NOLINTEND(readability-identifier-naming)

    explicit Builder(const Limits& limits) : limits_(limits) {}

    bool null() { return add(Value()); }
    bool boolean(bool b) { return add(Value(b)); }
    bool number_integer(number_integer_t n) { return add(Value(n)); }
    bool number_unsigned(number_unsigned_t n) {
        const auto as_signed = static_cast<std::int64_t>(n);
        return add(as_signed >= 0 ? Value(as_signed) : Value(n));
    }
    bool number_float(number_float_t d, const string_t& /*text*/) { return add(Value(d)); }
    bool string(string_t& text) {
        return text.find('\0') != text.npos ? fail("NUL in a string") : add(Value(std::move(text)));
    }
    bool binary(binary_t& /*bytes*/) { return fail("binary value"); }
    bool key(string_t& text) {
        if (text.find('\0') != text.npos) return fail("NUL in a key");
        open_.back().key = std::move(text);
        return true;
    }
    bool start_object(size_t /*count*/) { return open(Value(Object())); }
    bool start_array(size_t /*count*/) { return open(Value(Array())); }
    bool end_object() {
        if (has_duplicate_keys(*open_.back().value.as_object())) return fail("duplicate key");
        return close();
    }
    bool end_array() { return close(); }
    // No exception passes through the library: it is made afterwards, from what is kept here.
    bool parse_error(size_t position, const std::string& /*token*/,
                     const nlohmann::json::exception& error) {
        position_ = position;
        return fail(reason_of(error.what()));
    }

    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
    [[nodiscard]] size_t position() const noexcept { return position_; }
    [[nodiscard]] Value take() noexcept { return std::move(result_); }

  private:
    struct Frame {
        Value value;
        std::string key;  // of the member that is being read
    };

    bool fail(std::string_view why) {
        if (failure_.empty()) failure_ = why;
        return false;
    }
    bool open(Value container) {
        if (open_.size() >= limits_.max_depth) return fail("nested too deep");
        open_.push_back(Frame{std::move(container), {}});
        return true;
    }
    bool close() {
        Value value = std::move(open_.back().value);
        open_.pop_back();
        return add(std::move(value));
    }
    bool add(Value value) {
        if (++values_ > limits_.max_values) return fail("too many values");
        if (open_.empty()) {
            result_ = std::move(value);
        } else if (Array* array = open_.back().value.as_array()) {
            array->push_back(std::move(value));
        } else {
            open_.back().value.as_object()->append(std::move(open_.back().key), std::move(value));
        }
        return true;
    }

    Limits limits_;
    std::vector<Frame> open_;
    Value result_;
    size_t values_ = 0;
    std::string failure_;
    size_t position_ = 0;
};

}  // namespace

Object::Object(std::initializer_list<Member> members) : members_(members) {}

const Value* Object::find(std::string_view key) const noexcept {
    for (const Member& member : members_) {
        if (member.first == key) return &member.second;
    }
    return nullptr;
}

Value* Object::find(std::string_view key) noexcept {
    return const_cast<Value*>(std::as_const(*this).find(key));
}

Value& Object::operator[](std::string_view key) {
    if (Value* value = find(key)) return *value;
    return members_.emplace_back(std::string(key), Value()).second;
}

void Object::erase(std::string_view key) {
    std::erase_if(members_, [&](const Member& member) { return member.first == key; });
}

void Object::append(std::string key, Value value) {
    members_.emplace_back(std::move(key), std::move(value));
}

Value::Value(const std::vector<std::string>& strings) {
    Array array;
    array.reserve(strings.size());
    for (const std::string& text : strings) array.emplace_back(text);
    data_ = std::move(array);
}

Value::Value(const std::map<std::string, std::string>& members) {
    Object object;
    for (const auto& [key, text] : members) object.append(key, Value(text));
    data_ = std::move(object);
}

bool Value::is_number() const noexcept {
    return std::holds_alternative<std::int64_t>(data_) ||
           std::holds_alternative<std::uint64_t>(data_) || std::holds_alternative<double>(data_);
}

std::optional<std::int64_t> Value::try_i64() const noexcept {
    if (const auto* n = std::get_if<std::int64_t>(&data_)) return *n;
    if (const auto* n = std::get_if<std::uint64_t>(&data_)) {
        if (static_cast<std::int64_t>(*n) >= 0) return static_cast<std::int64_t>(*n);
    }
    return std::nullopt;
}

std::optional<std::uint64_t> Value::try_u64() const noexcept {
    if (const auto* n = std::get_if<std::uint64_t>(&data_)) return *n;
    if (const auto* n = std::get_if<std::int64_t>(&data_)) {
        if (*n >= 0) return static_cast<std::uint64_t>(*n);
    }
    return std::nullopt;
}

std::optional<double> Value::try_double() const noexcept {
    if (const auto* n = std::get_if<double>(&data_)) return *n;
    if (const auto* n = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*n);
    if (const auto* n = std::get_if<std::uint64_t>(&data_)) return static_cast<double>(*n);
    return std::nullopt;
}

const Value& Value::operator[](std::string_view key) const noexcept {
    static const Value kNull;
    const Object* object = as_object();
    const Value* member = object != nullptr ? object->find(key) : nullptr;
    return member != nullptr ? *member : kNull;
}

std::string Value::string_or(std::string_view key, std::string fallback) const {
    const std::string* text = (*this)[key].as_string();
    if (text != nullptr) return *text;
    return fallback;
}

std::vector<std::string> Value::strings() const {
    std::vector<std::string> texts;
    const Array* array = as_array();
    if (array == nullptr) return texts;
    for (const Value& item : *array) {
        if (const std::string* text = item.as_string()) texts.push_back(*text);
    }
    return texts;
}

std::map<std::string, std::string> Value::string_members() const {
    std::map<std::string, std::string> texts;
    const Object* object = as_object();
    if (object == nullptr) return texts;
    for (const auto& [key, member] : *object) {
        if (const std::string* text = member.as_string()) texts.emplace(key, *text);
    }
    return texts;
}

Value parse(std::string_view text, const Limits& limits) {
    if (text.size() > limits.max_bytes) {
        refuse(limits.max_bytes, "longer than " + std::to_string(limits.max_bytes) + " bytes");
    }
    // The library would skip a BOM and take NUL for the end.
    if (text.substr(0, 3) == "\xEF\xBB\xBF") refuse(0, "byte order mark");
    if (const size_t nul = text.find('\0'); nul != text.npos) refuse(nul, "NUL byte");
    Builder builder(limits);
    const bool good = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
    if (!good) refuse(builder.position(), builder.failure());
    return builder.take();
}

}  // namespace sandbox::base::json
