// Values of a compose file that a profile writes otherwise.
#pragma once

#include "document.hpp"

namespace sandbox::project {

// Does every port say where on the host it is?
[[nodiscard]] bool has_addresses(const Node& ports);
// "512m" and 536870912 are; a variable may be anything.
[[nodiscard]] bool is_same_amount(const Node& a, const Node& b);
// "depends_on: [db]" of each service as the table that compose takes it for, so that files merge.
// Throws UsageError with the place.
void expand_dependencies(const Documents& documents, Node& compose);
// 0440, which YAML reads as 288, as people read it.
void write_modes(Node& uses);

}  // namespace sandbox::project
