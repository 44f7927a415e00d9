// Files that a container has in memory only: secrets and configurations. The record keeps where
// their content comes from; each start reads it anew, in the process that launches.
#pragma once

#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/engine/container_spec.hpp"
#include "sandbox/engine/run.hpp"

namespace sandbox::engine {

// Throws Error naming the one whose content cannot be had, with the cure.
[[nodiscard]] std::vector<MemoryFileSpec> read_memory_files(const std::vector<MemoryFile>& files);

[[nodiscard]] base::json::Value memory_files_to_json(const std::vector<MemoryFile>& files);
// Throws IntegrityError.
[[nodiscard]] std::vector<MemoryFile> memory_files_from_json(const base::json::Value& value);

}  // namespace sandbox::engine
