// Waiting with little memory, for processes that live long and do little: a launch has touched much
// of the program and of the stack, and left a heap behind; the wait needs a page or two. What is
// dropped comes back by itself: pages of the program from the page cache, free memory as zeros.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "sandbox/base/raw.hpp"

// For functions in which a process waits for a long time, and for what they call meanwhile: the
// linker puts them side by side, since the kernel brings 64 KiB around each page that is touched
// (fault-around in mm/memory.c).
#define SANDBOX_IDLE_CODE [[gnu::noinline, gnu::section(".text.hot.sandbox_idle")]]

namespace sandbox::base {

struct MemoryRange {
    std::size_t begin = 0, end = 0;  // addresses of whole pages
};

// Text and constants of the program and its libraries, whole pages: the files have them. What is
// relocated at the start and read-only afterwards (elf(5), PT_GNU_RELRO) is not among them.
[[nodiscard]] std::vector<MemoryRange> program_ranges();
// Anonymous memory but the stack, from proc(5)'s /proc/PID/maps. Pure.
[[nodiscard]] std::vector<MemoryRange> parse_heap_ranges(std::string_view maps);
// Both, of this process; without /proc the program's alone.
[[nodiscard]] std::vector<MemoryRange> droppable_ranges();

// Below the caller's frame. What lies further down than `kStackDepth` stays. Inline, and without a
// call: the code after a clone uses it, too.
[[gnu::always_inline]] inline void drop_unused_stack() noexcept {
    constexpr std::size_t kStackDepth = 256u << 10;
    constexpr std::size_t kPage = 4096;  // more on some machines: madvise(2) refuses then
    constexpr std::size_t kRedZone = 256;
    std::size_t stack_pointer = 0;
#if defined(__x86_64__)
    asm volatile("mov %%rsp, %0" : "=r"(stack_pointer));
#else
    asm volatile("mov %0, sp" : "=r"(stack_pointer));
#endif
    const std::size_t end = (stack_pointer - kRedZone) / kPage * kPage;
    // ENOMEM for the part that was never used, after the rest has been done.
    (void)raw::call(SYS_madvise, static_cast<long>(end - kStackDepth), kStackDepth, MADV_DONTNEED);
}

// For a process that from now on only waits for the end of `fd`, and then ends: gives back all but
// its stack, the whole heap too. Must be called in a process with one thread.
[[noreturn]] void wait_and_exit(int fd, const std::vector<MemoryRange>& droppable) noexcept;

class IdleWait {
  public:
    IdleWait();
    // epoll_wait(2) without a limit of time, after memory has been given back. -errno on failure.
    [[nodiscard]] int wait(int epoll_fd, epoll_event* events, int most) const noexcept;
    // The same of poll(2).
    [[nodiscard]] int poll(pollfd* fds, std::size_t count) const noexcept;

  private:
    static constexpr std::size_t kMostRanges = 8;
    std::array<MemoryRange, kMostRanges> ranges_{};
    std::size_t count_ = 0;
};

}  // namespace sandbox::base
