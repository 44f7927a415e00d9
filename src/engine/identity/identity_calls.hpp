// The calls about who a process is: set…id, get…id, groups, capabilities.
#pragma once

#include <optional>

#include "engine/identity/file_owners.hpp"
#include "engine/identity/identity_table.hpp"
#include "engine/identity/programs.hpp"
#include "engine/identity/trap_reply.hpp"
#include "engine/identity/trapped_process.hpp"

namespace sandbox::engine {

class IdentityCalls {
  public:
    // Borrowed.
    IdentityCalls(IdentityTable& table, const FileOwners& owners)
        : table_(table), programs_(owners) {}
    // Absent: a call of another kind.
    std::optional<TrapReply> try_answer(const TrappedProcess& process);
    // As it is now: a program that was executed meanwhile counts.
    Identity current(const TrappedProcess& process);
    // A process that starts as somebody.
    int begin(const TrappedProcess& process, Identity identity);

  private:
    using Change = int (*)(Credentials& who, const TrappedProcess& process);
    TrapReply change(const TrappedProcess& process, Change make);
    TrapReply set_file_system_id(const TrappedProcess& process, bool group);
    TrapReply set_groups(const TrappedProcess& process);
    TrapReply get_groups(const TrappedProcess& process);
    TrapReply get_three(const TrappedProcess& process, const IdSet& ids);
    TrapReply get_capabilities(const TrappedProcess& process);
    TrapReply set_capabilities(const TrappedProcess& process);
    TrapReply process_control(const TrappedProcess& process);
    std::optional<TrapReply> try_get(const TrappedProcess& process);
    std::optional<TrapReply> try_set(const TrappedProcess& process);
    // `alone`: of the thread, not of its process.
    int store(const TrappedProcess& process, Identity& identity, bool alone);
    // What the thread itself has asked for.
    int store_changed(const TrappedProcess& process, Identity& identity);

    IdentityTable& table_;
    Programs programs_;
};

}  // namespace sandbox::engine
