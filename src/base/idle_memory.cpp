#include "sandbox/base/idle_memory.hpp"

#include <fcntl.h>
#include <link.h>
#include <malloc.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::base {
namespace {

int add_object(dl_phdr_info* info, size_t, void* result) {
    auto& ranges = *static_cast<std::vector<MemoryRange>*>(result);
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr)& part = info->dlpi_phdr[i];
        if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
        const std::size_t begin = info->dlpi_addr + part.p_vaddr;
        // Whole pages only: the last one may be shared with what is written.
        const MemoryRange range{(begin + page - 1) / page * page,
                                (begin + part.p_memsz) / page * page};
        if (range.begin < range.end) ranges.push_back(range);
    }
    return 0;
}

// madvise(2): private pages that were never written come back from their file. Where that is
// refused they stay.
SANDBOX_IDLE_CODE void drop(const MemoryRange* ranges, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        (void)raw::call(SYS_madvise, static_cast<long>(ranges[i].begin),
                        static_cast<long>(ranges[i].end - ranges[i].begin), MADV_DONTNEED);
    }
    drop_unused_stack();
}

SANDBOX_IDLE_CODE int drop_and_wait(const MemoryRange* ranges, std::size_t count, int epoll_fd,
                                    epoll_event* events, int most) noexcept {
    drop(ranges, count);
    constexpr long kForEver = -1;
    return static_cast<int>(
        raw::call(SYS_epoll_pwait, epoll_fd, raw::ptr(events), most, kForEver, 0, 0));
}

SANDBOX_IDLE_CODE int drop_and_poll(const MemoryRange* ranges, std::size_t count, pollfd* fds,
                                    std::size_t fd_count) noexcept {
    drop(ranges, count);
    return static_cast<int>(
        raw::call(SYS_ppoll, raw::ptr(fds), static_cast<long>(fd_count), 0, 0, 0));
}

[[noreturn]] SANDBOX_IDLE_CODE void drop_and_exit(const MemoryRange* ranges, std::size_t count,
                                                  int fd) noexcept {
    drop(ranges, count);
    char nothing = 0;
    long rc = 0;
    do {
        rc = raw::read(fd, &nothing, 1);
    } while (rc > 0 || rc == -EINTR);
    raw::exit_group(0);
}

constexpr std::size_t kMostDroppable = 16;

}  // namespace

std::vector<MemoryRange> program_ranges() {
    std::vector<MemoryRange> ranges;
    (void)::dl_iterate_phdr(add_object, &ranges);
    return ranges;
}

std::vector<MemoryRange> parse_heap_ranges(std::string_view maps) {
    std::vector<MemoryRange> ranges;
    for (const std::string& line : split(maps, '\n')) {
        MemoryRange range;
        char access[5] = {};
        unsigned long inode = 0;
        int path = 0;
        // "01a5b000-01b00000 rw-p 00000000 00:00 0    [heap]"
        if (std::sscanf(line.c_str(), "%zx-%zx %4s %*x %*x:%*x %lu %n", &range.begin, &range.end,
                        access, &inode, &path) < 4) {
            continue;
        }
        const std::string_view name = std::string_view(line).substr(static_cast<size_t>(path));
        if (inode != 0 || access[1] != 'w' || access[3] != 'p') continue;
        if (name.empty() || name == "[heap]") ranges.push_back(range);
    }
    return ranges;
}

std::vector<MemoryRange> droppable_ranges() {
    constexpr size_t kMaxBytes = 1u << 20;
    std::vector<MemoryRange> ranges;
    try {
        const UniqueFd file = open_at(AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
        ranges = parse_heap_ranges(read_fd(file.get(), kMaxBytes));
    } catch (const SysError& error) {
        log::debug(error.message());
    }
    for (const MemoryRange& range : program_ranges()) ranges.push_back(range);
    return ranges;
}

void wait_and_exit(int fd, const std::vector<MemoryRange>& droppable) noexcept {
    // The list lies in what is dropped.
    std::array<MemoryRange, kMostDroppable> ranges{};
    std::size_t count = 0;
    for (const MemoryRange& range : droppable) {
        if (count < ranges.size()) ranges[count++] = range;
    }
    drop_and_exit(ranges.data(), count, fd);
}

IdleWait::IdleWait() {
    for (const MemoryRange& range : program_ranges()) {
        if (count_ < ranges_.size()) ranges_[count_++] = range;
    }
}

int IdleWait::wait(int epoll_fd, epoll_event* events, int most) const noexcept {
    (void)::malloc_trim(0);
    return drop_and_wait(ranges_.data(), count_, epoll_fd, events, most);
}

int IdleWait::poll(pollfd* fds, std::size_t count) const noexcept {
    (void)::malloc_trim(0);
    return drop_and_poll(ranges_.data(), count_, fds, count);
}

}  // namespace sandbox::base
