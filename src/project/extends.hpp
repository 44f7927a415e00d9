// `extends` of compose files: a service with the keys of another one, of its own file or of another
// file, whose relative paths stay that file's. What the keys mean is for compose_translate.hpp.
#pragma once

#include <string>
#include <vector>

#include "compose_translate.hpp"
#include "sources.hpp"

namespace sandbox::project {

// `compose`: the file at `path` (absolute), which is among the sources' documents. A mistake stands
// in the way of its own service, as a refusal among the remarks; nothing is thrown for it. Of the
// remarks that are there, those from `own_remarks` on are of what it includes.
void write_out_extends(Sources& sources, const std::string& path, Node& compose,
                       std::vector<Remark>& remarks, size_t own_remarks);

}  // namespace sandbox::project
