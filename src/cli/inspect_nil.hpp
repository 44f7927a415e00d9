// What `inspect` templates print for fields without a value. docker's documents are structs, in
// which a list that is nil prints as "[]", a map as "map[]" and a pointer as "<nil>"; ours are
// JSON, where all of them are null, or left out as docker's JSON leaves them out.
#pragma once

#include <optional>
#include <string_view>

namespace sandbox::cli {

// By the last name of the field's path, ".State.Health" being "Health". Absent: no such field.
[[nodiscard]] std::optional<std::string_view> nil_text(std::string_view field) noexcept;

}  // namespace sandbox::cli
