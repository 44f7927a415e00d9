// Values that say where more of a compose file is, and so are read before the tree is complete.
// Each function throws UsageError with the place; `key` is for its message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "document.hpp"

namespace sandbox::project {

// The text with its variables put in; not empty.
[[nodiscard]] std::string written(const Documents& documents, const Node& node,
                                  std::string_view key);
// The absolute path of it, from the directory of its file's scope.
[[nodiscard]] std::string named_path(const Documents& documents, const Node& node,
                                     std::string_view key);
// The same of a file that is there.
[[nodiscard]] std::string named_file(const Documents& documents, const Node& node,
                                     std::string_view key);
// Of each in a list; a text is a list of one.
[[nodiscard]] std::vector<std::string> named_files(const Documents& documents, const Node& node,
                                                   std::string_view key);

}  // namespace sandbox::project
