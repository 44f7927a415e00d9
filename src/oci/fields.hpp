// Typed reading of a hostile JSON document: a missing member or null is "absent", another type than
// the expected one is refused with the member's path.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/json.hpp"

namespace sandbox::oci {

// One JSON object and where it stands in the document ("image config: config"). Borrows the value.
class Fields {
  public:
    // Throws IntegrityError when `value` is no object.
    Fields(const base::json::Value& value, std::string where);

    [[nodiscard]] bool has(std::string_view key) const noexcept;   // there and not null
    [[nodiscard]] std::string string(std::string_view key) const;  // "" when absent
    [[nodiscard]] std::string required_string(std::string_view key) const;
    [[nodiscard]] bool boolean(std::string_view key) const;  // false when absent
    // Absent, or 0 ≤ n ≤ `most`.
    [[nodiscard]] std::optional<std::int64_t> number(std::string_view key, std::int64_t most) const;
    [[nodiscard]] std::optional<std::vector<std::string>> strings(std::string_view key) const;
    [[nodiscard]] std::map<std::string, std::string> string_map(std::string_view key) const;
    // The keys of an object, whatever its values ({"80/tcp": {}}).
    [[nodiscard]] std::vector<std::string> keys(std::string_view key) const;
    [[nodiscard]] std::optional<Fields> object(std::string_view key) const;
    [[nodiscard]] std::vector<Fields> objects(std::string_view key) const;
    [[nodiscard]] const base::json::Value& value(std::string_view key) const noexcept;
    // Go reads keys without regard to case, other readers do not: a document that relies on it
    // means different things to different people.
    void refuse_case_variants_of(const std::vector<std::string_view>& keys) const;

    [[nodiscard]] std::string path_of(std::string_view key) const;
    [[noreturn]] void refuse(std::string_view key, std::string_view why) const;

  private:
    const base::json::Object* object_;
    std::string where_;
};

}  // namespace sandbox::oci
