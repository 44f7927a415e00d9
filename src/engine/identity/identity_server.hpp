// The process that answers trapped calls: its loop. One thread; it ends when the supervisor lets
// go of the other end of `control`.
#pragma once

#include <vector>

#include "engine/identity/creation_calls.hpp"
#include "engine/identity/file_owners.hpp"
#include "engine/identity/identity_calls.hpp"
#include "engine/identity/identity_table.hpp"
#include "engine/identity/owner_calls.hpp"
#include "engine/identity/peer_calls.hpp"
#include "engine/identity/process_owners.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"

namespace sandbox::engine {

struct ServerStart {
    Identity root;                        // of whoever is not known to be somebody else
    base::UniqueFd proc;                  // /proc of our pid namespace
    base::UniqueFd pid_namespace;         // the container's
    base::UniqueFd table;                 // may be empty: FileOwners
    std::vector<std::uint64_t> unmarked;  // mounts that are not ours to mark
};

class IdentityServer {
  public:
    explicit IdentityServer(ServerStart start);
    // `first`: who the first process to call is.
    void add_listener(base::UniqueFd fd, Identity first);
    void run(int control_fd);

  private:
    struct Listener {
        kernel::SeccompListener end;
        Identity first;
        bool begun = false;
    };
    void serve(Listener& listener);
    TrapReply answer(Listener& listener, const TrappedProcess& process);
    bool take_listener(int control_fd);

    base::UniqueFd proc_;
    Identity root_;
    IdentityTable table_;
    FileOwners owners_;
    ProcessOwners processes_;
    IdentityCalls identities_;
    OwnerCalls files_;
    CreationCalls creations_;
    PeerCalls peers_;
    std::vector<Listener> listeners_;
};

}  // namespace sandbox::engine
