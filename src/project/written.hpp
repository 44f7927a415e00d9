// Values that say where more of a compose file is, and so are read before the tree is complete.
#pragma once

#include <string>
#include <string_view>

#include "document.hpp"

namespace sandbox::project {

// The text with its variables put in. `key`: for messages. Throws UsageError with the place when it
// is no text, or empty.
[[nodiscard]] std::string written(const Documents& documents, const Node& node,
                                  std::string_view key);

}  // namespace sandbox::project
