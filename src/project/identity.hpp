// Which elements of two lists mean the same thing, so that the later one takes the other's place:
// the mounts at one target, the ports published at one address. What is compared is what the words
// mean in their own file, with its variables and its directory.
#pragma once

#include <string>
#include <string_view>

#include "document.hpp"

namespace sandbox::project {

// Of an element of the list `key` of a service. Empty: it is like no other.
[[nodiscard]] std::string identity_of(const Documents& documents, std::string_view key,
                                      const Node& element);

// Where `wanted` is first outside of "${…}"; npos: nowhere.
[[nodiscard]] size_t find_outside_variables(std::string_view text, char wanted) noexcept;

}  // namespace sandbox::project
