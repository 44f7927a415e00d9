#include "engine/own_memory.hpp"

#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

using child::MemoryRange;

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

}  // namespace

std::vector<MemoryRange> program_ranges() {
    std::vector<MemoryRange> ranges;
    (void)::dl_iterate_phdr(add_object, &ranges);
    return ranges;
}

std::vector<MemoryRange> parse_heap_ranges(std::string_view maps) {
    std::vector<MemoryRange> ranges;
    for (const std::string& line : base::split(maps, '\n')) {
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

void mark_droppable(child::Plan& plan) {
    constexpr size_t kMaxBytes = 1u << 20;
    const base::UniqueFd file = base::open_at(AT_FDCWD, "/proc/self/maps", O_RDONLY);
    std::vector<MemoryRange> ranges = parse_heap_ranges(base::read_fd(file.get(), kMaxBytes));
    for (const MemoryRange& range : program_ranges()) ranges.push_back(range);
    for (const MemoryRange& range : ranges) {
        if (plan.droppable_count == child::kMaxDroppable) break;
        plan.droppable[plan.droppable_count++] = range;
    }
}

void shrink_own_memory() noexcept {
    (void)::malloc_trim(0);
    try {
        for (const MemoryRange& range : program_ranges()) {
            // madvise(2): private pages that were never written come back from their file. Where
            // that is refused they stay.
            (void)::madvise(reinterpret_cast<void*>(range.begin), range.end - range.begin,
                            MADV_DONTNEED);
        }
    } catch (const std::exception& error) {  // out of memory: it is only bigger then
        base::log::debug(error.what());
    }
}

}  // namespace sandbox::engine
