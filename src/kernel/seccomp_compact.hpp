// Makes a seccomp program short, so that the kernel checks, translates and loads it quickly. A
// compiled policy compares one system call number after the other; seen from outside it is a table
// from intervals of numbers to answers, and that table is what is written here, as a binary search.
#pragma once

#include "sandbox/kernel/seccomp.hpp"

namespace sandbox::kernel {

// An equivalent program; `program` itself when it uses instructions that are not understood, or
// when the result would not be shorter.
[[nodiscard]] BpfProgram compact(const BpfProgram& program);

}  // namespace sandbox::kernel
