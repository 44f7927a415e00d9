// The calls about whom files belong to: chown and its kin, stat and its kin.
#pragma once

#include <optional>

#include "engine/identity/file_owners.hpp"
#include "engine/identity/identity_calls.hpp"
#include "engine/identity/lookup.hpp"
#include "engine/identity/process_owners.hpp"
#include "engine/identity/trap_reply.hpp"

namespace sandbox::engine {

class OwnerCalls {
  public:
    // Borrowed.
    OwnerCalls(const IdentityTable& table, IdentityCalls& identities, FileOwners& owners,
               const ProcessOwners& processes)
        : table_(table), identities_(identities), owners_(owners), processes_(processes) {}
    // Absent: a call of another kind.
    std::optional<TrapReply> try_answer(const TrappedProcess& process);

  private:
    struct Target {
        PathWish wish;
        std::uint64_t path_address = 0;  // 0: wish.dir_fd itself
    };
    [[nodiscard]] FoundFile find(const TrappedProcess& process, Target target) const;
    // A file with an owner to be shown; empty: the kernel's answer is right, or an error of its
    // own.
    [[nodiscard]] FoundFile find_shown(const TrappedProcess& process, Target target);
    [[nodiscard]] bool is_the_kernels(const TrappedProcess& process, const PathWish& wish) const;
    TrapReply change_owner(const TrappedProcess& process, Target target, unsigned first_id);
    TrapReply show(const TrappedProcess& process, Target target, unsigned buffer);
    TrapReply show_extended(const TrappedProcess& process);
    [[nodiscard]] std::optional<FileOwner> shown_owner(int fd) const;
    std::optional<TrapReply> try_change(const TrappedProcess& process);
    std::optional<TrapReply> try_show(const TrappedProcess& process);

    const IdentityTable& table_;
    IdentityCalls& identities_;
    FileOwners& owners_;
    const ProcessOwners& processes_;
    pid_t last_shown_to_ = 0;  // the last file that was asked for had an owner to be shown
};

}  // namespace sandbox::engine
