// The process that answers trapped calls: its loop. One thread; it ends when the supervisor lets
// go of the other end of `control`.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <vector>

#include "engine/identity/creation_calls.hpp"
#include "engine/identity/file_owners.hpp"
#include "engine/identity/identity_calls.hpp"
#include "engine/identity/identity_table.hpp"
#include "engine/identity/owner_calls.hpp"
#include "engine/identity/peer_calls.hpp"
#include "engine/identity/process_owners.hpp"
#include "sandbox/base/idle_memory.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"

namespace sandbox::engine {

struct ServerStart {
    Identity root;                 // of whoever is not known to be somebody else
    base::UniqueFd proc;           // /proc of our pid namespace
    base::UniqueFd pid_namespace;  // the container's
    base::UniqueFd table;          // may be empty: FileOwners
    image::OwnerTable image_table;
    std::vector<std::uint64_t> unmarked;  // mounts that are not ours to mark
    // Of us all, by device and inode, where programs may make others below it; else absent.
    std::optional<struct stat> user_namespace;
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
    [[nodiscard]] int wait_for(std::vector<pollfd>& wait) noexcept;
    void serve(Listener& listener);
    TrapReply answer(Listener& listener, const TrappedProcess& process);
    [[nodiscard]] bool is_in_namespace_below(const TrappedProcess& process) const noexcept;
    bool take_listener(int control_fd);

    base::UniqueFd proc_;
    std::optional<struct stat> user_namespace_;
    Identity root_;
    IdentityTable table_;
    FileOwners owners_;
    ProcessOwners processes_;
    IdentityCalls identities_;
    OwnerCalls files_;
    CreationCalls creations_;
    PeerCalls peers_;
    std::vector<Listener> listeners_;
    base::IdleWait idle_;
    bool resting_ = false;  // the last wait was in vain
};

}  // namespace sandbox::engine
