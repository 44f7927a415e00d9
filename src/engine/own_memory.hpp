// What of our own memory a long life does not need: the launch has touched much of the program and
// left a heap behind, the waiting loop uses a few pages. Dropped pages of the program are read
// again from the page cache when they are wanted after all.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "child/plan.hpp"

namespace sandbox::engine {

// Text and constants of the program and its libraries, whole pages: the files have them. What is
// relocated at the start and read-only afterwards (elf(5), PT_GNU_RELRO) is not among them.
[[nodiscard]] std::vector<child::MemoryRange> program_ranges();
// Anonymous memory but the stack, from proc(5)'s /proc/PID/maps. Pure.
[[nodiscard]] std::vector<child::MemoryRange> parse_heap_ranges(std::string_view maps);

// For pid 1 of the container, which allocates nothing: all of these, as many as the plan can hold.
void mark_droppable(child::Plan& plan);
// For ourselves: the free parts of the heap, and the program's pages.
void shrink_own_memory() noexcept;

}  // namespace sandbox::engine
