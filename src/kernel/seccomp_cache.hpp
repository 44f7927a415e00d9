// Compiled programs on disk: compiling takes milliseconds, a launch has not many. A damaged,
// foreign or outdated entry is compiled anew and replaced.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sandbox/kernel/seccomp.hpp"

namespace sandbox::kernel {

// All that the program depends on, as text.
[[nodiscard]] std::string seccomp_key(std::string_view kind, std::string_view profile,
                                      const SeccompOptions& options);
[[nodiscard]] BpfProgram cached_program(int cache_dir_fd, const std::string& key,
                                        const std::function<BpfProgram()>& compile);

}  // namespace sandbox::kernel
