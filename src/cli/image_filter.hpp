// --filter of images.
#pragma once

#include <vector>

#include "cli/filter.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::cli {

// until=: a moment, or an age → Unix seconds. Throws UsageError.
[[nodiscard]] std::int64_t parse_until(const std::string& text);
// Of a prune: labels, and made before until=.
[[nodiscard]] bool fits_prune(const Filters& filters,
                              const std::map<std::string, std::string>& labels,
                              std::int64_t created);
[[nodiscard]] Filters parse_image_filters(const std::vector<std::string>& texts);
// `pattern`: the argument of `images` ("nginx", "nginx:1.*", "*/team/*"); empty: all.
// Throws NotFoundError when before= or since= names no image.
[[nodiscard]] std::vector<store::ImageRecord> filter_images(const store::Store& store,
                                                            std::vector<store::ImageRecord> records,
                                                            const Filters& filters,
                                                            const std::string& pattern);
// fnmatch(3) with pathnames on the familiar and the canonical name, with and without the tag.
[[nodiscard]] bool matches_reference(const oci::Reference& reference, const std::string& pattern);

}  // namespace sandbox::cli
