// The calls that make files: whoever makes one owns it. The kernel makes it, and we mark it right
// afterwards: before anything else is answered, since all who could see its owner ask us. A
// renaming call is trapped for that reason alone.
// A device is made by us: as what FileOwners has for one, in the same place and with the same
// right.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "engine/identity/file_owners.hpp"
#include "engine/identity/identity_calls.hpp"
#include "engine/identity/lookup.hpp"
#include "engine/identity/trap_reply.hpp"

namespace sandbox::engine {

class CreationCalls {
  public:
    // Borrowed.
    CreationCalls(const IdentityTable& table, IdentityCalls& identities, FileOwners& owners)
        : table_(table), identities_(identities), owners_(owners) {}
    // Absent: a call of another kind.
    std::optional<TrapReply> try_answer(const TrappedProcess& process);

    // Marks what has been made meanwhile. `caller`: whose next call this is; 0: nobody's.
    void settle(pid_t caller);
    [[nodiscard]] bool is_settled() const noexcept { return pending_.empty(); }

  private:
    struct Place {
        int dir_fd = 0;
        std::uint64_t path_address = 0;
    };
    struct Pending {
        base::UniqueFd parent;
        std::string name;
        FileOwner owner;
        pid_t maker = 0;
    };
    // Where a new file is to be; empty: -errno.
    struct Spot {
        FoundFile dir;
        std::string name;
        FileFacts facts;  // of the directory
    };
    static Spot find_spot(const TrappedProcess& process, const Identity& who, int dir_fd,
                          std::string path);
    [[nodiscard]] FileOwner owner_in(const Spot& spot, const Credentials& who) const;
    TrapReply make_device(const TrappedProcess& process, const Place& place, unsigned mode_index);
    void expect(const TrappedProcess& process, const Place& place);
    void expect_path(const TrappedProcess& process, int dir_fd, std::string path);
    void expect_socket(const TrappedProcess& process);
    bool settle_one(const Pending& pending, pid_t caller);

    const IdentityTable& table_;
    IdentityCalls& identities_;
    FileOwners& owners_;
    std::deque<Pending> pending_;
};

}  // namespace sandbox::engine
