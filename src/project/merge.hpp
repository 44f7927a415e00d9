// Several profile files become one tree, by Compose's rules: tables are merged, lists grow, single
// values and commands are replaced by the later file.
#pragma once

#include "document.hpp"
#include "keys.hpp"

namespace sandbox::project {

void merge(Node& base, Node over, const KeyTable& keys);
// !reset and !override have had their effect on what was there before: what is reset is gone.
void take_effect(Node& node);

}  // namespace sandbox::project
