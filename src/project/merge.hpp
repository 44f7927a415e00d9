// Several profile files become one tree, by Compose's rules: tables are merged, lists grow, single
// values and commands are replaced by the later file.
#pragma once

#include "document.hpp"
#include "keys.hpp"

namespace sandbox::project {

void merge(Node& base, Node over, const KeyTable& keys);

}  // namespace sandbox::project
