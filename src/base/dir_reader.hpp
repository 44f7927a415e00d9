// Directory entries straight from getdents64(2): no stdio-like DIR, no stat per entry.
#pragma once

#include <dirent.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::base {

// Calls visit(const char* name, unsigned char d_type) for each entry but "." and "..", from the
// descriptor's present offset to the end. The name dies with the call.
template <typename Visit>
void for_each_entry(int dir_fd, Visit visit) {
    alignas(dirent64) std::array<char, 32u << 10> buffer;
    for (;;) {
        const long got = raw::call(SYS_getdents64, dir_fd, raw::ptr(buffer.data()),
                                   static_cast<long>(buffer.size()));
        if (got == -ENOENT) return;  // getdents(2): the directory itself has been removed
        if (got < 0) throw SysError(static_cast<int>(-got), "read directory");
        if (got == 0) return;
        for (long at = 0; at < got;) {
            // linux_dirent64 and dirent64 are laid out alike; d_reclen bounds the entry.
            const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
            at += entry->d_reclen;
            const char* name = static_cast<const char*>(entry->d_name);
            if (std::strcmp(name, ".") != 0 && std::strcmp(name, "..") != 0) {
                visit(name, entry->d_type);
            }
        }
    }
}

}  // namespace sandbox::base
