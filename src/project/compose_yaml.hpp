// compose.yaml as a document: YAML to the same tree that TOML becomes. yaml-cpp appears in the .cpp
// only. Merge keys ("<<") are done here; what the keys mean is for compose_translate.hpp.
#pragma once

#include "document.hpp"

namespace sandbox::project {

// The cure where a file is none.
inline constexpr const char* kComposeBegin = "a compose file has services:";

// Throws UsageError with the place and its line: malformed, several documents, a key twice, more
// nodes than a profile can have (aliases within aliases), tags that YAML's core does not have.
[[nodiscard]] Node parse_yaml(const Documents& documents, std::uint32_t file);

}  // namespace sandbox::project
