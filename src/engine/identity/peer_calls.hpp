// getsockopt(2) with SO_PEERCRED: who is at the other end of a unix socket. The kernel remembers a
// process and an id; the id is shown as that process has it now.
#pragma once

#include <optional>

#include "engine/identity/process_owners.hpp"
#include "engine/identity/trap_reply.hpp"
#include "engine/identity/trapped_process.hpp"

namespace sandbox::engine {

class PeerCalls {
  public:
    // Borrowed.
    PeerCalls(const IdentityTable& table, const ProcessOwners& processes)
        : table_(table), processes_(processes) {}
    // Absent: a call of another kind.
    std::optional<TrapReply> try_answer(const TrappedProcess& process) const;

  private:
    const IdentityTable& table_;
    const ProcessOwners& processes_;
};

}  // namespace sandbox::engine
