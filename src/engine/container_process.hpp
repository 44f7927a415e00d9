// Which process supervises a container: the one that holds its lock, as the kernel says. No pid is
// ever read from a file of ours.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

struct ContainerProcess {
    pid_t supervisor = 0;
    pid_t init = 0;  // 0: not started yet
};
[[nodiscard]] std::optional<ContainerProcess> try_find_process(const store::Store& store,
                                                               const std::string& id);
// proc_locks(5): the pid that holds a flock on `inode` of device `major:minor`. Pure.
[[nodiscard]] std::optional<pid_t> try_lock_holder(std::string_view proc_locks, unsigned major,
                                                   unsigned minor, ino_t inode);
// SIGKILL to pid 1 (or to the supervisor, when there is none yet). False: it ended by itself.
bool kill_container(const store::Store& store, const std::string& id);

}  // namespace sandbox::engine
