// A compose file with what others bring into it: `include` takes the resources of further files,
// each with a directory and variables of its own, `extends` the keys of their services. What the
// keys mean is for compose_translate.hpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compose_translate.hpp"
#include "sources.hpp"

namespace sandbox::project {

// The file at `path` (absolute); `name` is for messages, else what the sources make of it. The
// remarks hear of services that cannot have what they extend. Null: it says nothing. Throws
// NotFoundError (1) when it is not there, UsageError with the place for what is no YAML, for a file
// that is included in vain or in a circle, and for a resource that two files describe otherwise.
[[nodiscard]] Node load_compose(Sources& sources, const std::string& path,
                                std::shared_ptr<const Scope> scope, std::vector<Remark>& remarks,
                                std::string name = {});

}  // namespace sandbox::project
