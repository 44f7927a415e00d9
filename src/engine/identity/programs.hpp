// What executing a file may add to who does it: its setuid and setgid bits, its capabilities. Asked
// with each trapped call, so that it is remembered which files have none of these.
#pragma once

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <map>

#include "engine/identity/credentials.hpp"
#include "engine/identity/file_owners.hpp"
#include "engine/identity/trapped_process.hpp"

namespace sandbox::engine {

class Programs {
  public:
    explicit Programs(const FileOwners& owners) : owners_(owners) {}  // borrowed
    // `info`: of what the process executes.
    bool is_ordinary(const TrappedProcess& process, const struct stat& info);
    // With its owner as shown.
    [[nodiscard]] ProgramFile look_at(const TrappedProcess& process, const struct stat& info) const;

  private:
    struct Key {
        std::uint64_t device = 0, inode = 0;
        std::int64_t seconds = 0, nanoseconds = 0;  // of the last change, which an attribute is
        auto operator<=>(const Key&) const = default;
    };
    const FileOwners& owners_;
    std::map<Key, bool> ordinary_;
};

}  // namespace sandbox::engine
