// The licence texts of all foreign libraries that are linked into this program, with names and
// versions. The text is gathered by third_party/licenses.sh when the build is configured.
// Not the place for a summary: that is the command line's.
#pragma once

#include <string_view>

namespace sandbox::base {

// About 200 KB, in static storage.
[[nodiscard]] std::string_view licenses_text() noexcept;

}  // namespace sandbox::base
