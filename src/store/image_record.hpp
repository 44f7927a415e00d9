// The text of an image record: a line a field, so that a thousand of them are read in a few
// milliseconds. The last line is "end": what was cut off is recognised.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/store/image_store.hpp"

namespace sandbox::store {

[[nodiscard]] std::string to_text(const ImageRecord& record);
// Throws IntegrityError "damaged image record".
[[nodiscard]] ImageRecord parse_image_record(std::string_view text);
// The name of the record's file: readable, reversible as long as it fits, a hash where it does not.
[[nodiscard]] std::string file_name_of(const oci::Reference& reference);
[[nodiscard]] std::string dangling_file_name(const oci::Digest& id);

}  // namespace sandbox::store
