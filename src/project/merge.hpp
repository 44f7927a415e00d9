// Several profile files become one tree, by Compose's rules: tables are merged, lists grow, single
// values and commands are replaced by the later file.
#pragma once

#include "document.hpp"
#include "keys.hpp"

namespace sandbox::project {

// The documents know what the words mean in the file of each. Throws UsageError with the place for
// a name of "NAME=value" whose variables cannot be put in.
void merge(const Documents& documents, Node& base, Node over, const KeyTable& keys);
// !reset and !override have had their effect on what was there before: what is reset is gone.
void take_effect(Node& node);

}  // namespace sandbox::project
