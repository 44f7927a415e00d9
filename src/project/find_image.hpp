// What a service's image is in the store, if it is there. An image may be a file ("oci:DIR",
// "oci-archive:FILE", "docker-archive:FILE"): then it has no name in the store before
// take_image_files() gives it one.
#pragma once

#include <optional>
#include <string>

#include "sandbox/store/image_store.hpp"

namespace sandbox::project {

[[nodiscard]] bool is_image_file(const std::string& image);
// Absent for a file as well: what it holds is known only when it is unpacked.
[[nodiscard]] std::optional<store::ImageRecord> try_find_image(const store::Store& store,
                                                               const std::string& image);

}  // namespace sandbox::project
