// Emulated identities of one container, as its supervisor has them: a process of our own which
// answers the trapped calls. It has joined the container's user and mount namespace, so that it has
// no more right than the container; it stays in our pid namespace, where nobody inside sees it.
//
// What a program of the container may get out of it by any trick is what the container could do
// anyway: mark a file of its own.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/namespace_fds.hpp"
#include "engine/identity/credentials.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/engine/container_spec.hpp"
#include "sandbox/image/owner_table.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::engine {

class IdentityService {
    struct Key {};  // make_unique needs a public constructor; only start() has the key

  public:
    IdentityService(Key, kernel::ChildProcess process, base::UniqueFd control) noexcept
        : process_(std::move(process)), control_(std::move(control)) {}
    // Whether this process can do it at all: seccomp_unotify(2), and IdentityTable.
    [[nodiscard]] static bool is_possible() noexcept;
    // `listener`: of the payload's filter; the first process behind it is spec.user.
    // `container_dir_fd`: where the table of owners is kept; `image_table`: of the image's links.
    // Must be called with one thread.
    [[nodiscard]] static std::unique_ptr<IdentityService> start(const ContainerSpec& spec,
                                                                const NamespaceFds& namespaces,
                                                                base::UniqueFd listener,
                                                                int container_dir_fd,
                                                                image::OwnerTable image_table);
    IdentityService(const IdentityService&) = delete;
    IdentityService& operator=(const IdentityService&) = delete;
    // Ends the process, which lets go of the container's mounts.
    ~IdentityService();

    // Ends it without waiting: where nobody needs the container's mounts to be gone.
    void leave() noexcept;

    // For a program that joined. Throws when the process is gone.
    void add_listener(int listener_fd, const Credentials& first);
    // Readable when the process has ended.
    [[nodiscard]] int pid_fd() const noexcept { return process_.pid_fd(); }

  private:
    kernel::ChildProcess process_;
    base::UniqueFd control_;
};

[[nodiscard]] Credentials credentials_of(const IdentitySpec& user, kernel::CapabilitySet bounding,
                                         bool no_new_privileges);

}  // namespace sandbox::engine
