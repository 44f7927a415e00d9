// The stage as an executable that exists in memory only.
#pragma once

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

// A sealed memfd with the stage's ELF. Throws SysError.
[[nodiscard]] base::UniqueFd make_stage_file();

}  // namespace sandbox::engine
