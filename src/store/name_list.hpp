// A small file that names blobs and layers of the store, a line each.
#pragma once

#include <string>
#include <vector>

#include "sandbox/oci/digest.hpp"

namespace sandbox::store {

struct NameList {
    std::string boot{};  // id of the boot it is of; empty: of any
    std::vector<oci::Digest> blobs{};
    std::vector<std::string> layers{};  // directory names
};

inline constexpr size_t kMaxNameListBytes = 4u << 20;

[[nodiscard]] std::string to_text(const NameList& list);
// What cannot be read is skipped.
[[nodiscard]] NameList parse_name_list(const std::string& text);

}  // namespace sandbox::store
