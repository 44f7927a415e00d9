// Whom the directories below the container's /proc belong to: the processes behind them.
#pragma once

#include <optional>

#include "engine/identity/file_owners.hpp"
#include "engine/identity/identity_table.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

class ProcessOwners {
  public:
    // `pid_namespace`: the container's. The root directory of this process is the container's.
    ProcessOwners(const IdentityTable& table, base::UniqueFd pid_namespace);
    [[nodiscard]] bool is_process_file(const FileFacts& facts) const noexcept {
        return mount_ != 0 && facts.mount == mount_;
    }
    // Absent: not of a process, or of one that is gone.
    [[nodiscard]] std::optional<FileOwner> of(int fd) const;

    // A pid of ours as the container has it; -1: not in it, or a kernel that cannot say.
    [[nodiscard]] pid_t inside(pid_t pid) const noexcept;

  private:
    [[nodiscard]] pid_t outside(pid_t pid) const noexcept;

    const IdentityTable& table_;
    base::UniqueFd pid_namespace_;
    std::uint64_t mount_ = 0;
};

}  // namespace sandbox::engine
