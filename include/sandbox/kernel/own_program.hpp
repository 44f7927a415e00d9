// This very program anew, in a process of its own: supervisors, holders of networks and the like.
#pragma once

namespace sandbox::kernel {

// The last step of a child between fork and exec: a session of its own, "/" as the working
// directory, no signal blocked, then `words` (the first is its name, a null pointer ends them).
// `program_fd`: /proc/self/exe, opened by the caller among its descriptors; closed on exec. Plain
// calls. Where the exec fails the process ends with `failure_code`.
[[noreturn]] void become_own_program(int program_fd, const char* const* words,
                                     int failure_code) noexcept;

}  // namespace sandbox::kernel
