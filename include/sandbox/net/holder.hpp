// A named network in a process of its own, the holder: it has the network and its gateway for all
// containers on it, whoever supervises them, and ends with the last of them. Who needs the network
// first starts it; nobody waits for it. It is found by a socket beside the network's record; that
// it lives is said by a lock beside that. One connection is one container's place: when it closes,
// because the supervisor says so or was killed, link, addresses, names and ports are free again.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/net/project_network.hpp"
#include "sandbox/net/published_port.hpp"

namespace sandbox::net {

// Where a network's socket ("ID.sock") and lock ("ID.lock") are: a directory only its owner
// reaches.
struct HolderPlace {
    std::string directory;  // absolute
    std::string id;
};

// What a container's supervisor has of a named network. All calls wait for the holder's answer, at
// most some seconds; each throws Error, HolderGone when it has died.
class NetworkMember {
  public:
    // Starts a holder when there is none. `plan` must be the network's own: subnets decided.
    // `wants_names`: changes of names() are told. The caller must have one thread.
    [[nodiscard]] static NetworkMember enter(const HolderPlace& place, const NetworkPlan& plan,
                                             const AttachPlan& wish, bool wants_names);
    NetworkMember(NetworkMember&&) noexcept = default;
    NetworkMember& operator=(NetworkMember&&) noexcept = default;

    // Addresses are the container's from enter() on.
    [[nodiscard]] const Attachment& attachment() const noexcept { return attachment_; }
    // The link is made. `configures_itself`: see AttachPlan. May be called again.
    void join(int netns_fd, bool configures_itself);
    // After join(): the container's default routes go through this network from now on.
    void lead_out(int netns_fd);
    // As with `wants_names`, from now on; the first are told at once.
    void want_names();
    // Connections to `socket_fd` (TCP: listening) go to the container's `port.container_port`.
    void publish(const PublishedPort& port, int socket_fd);
    void set_names(const std::vector<std::string>& names);
    void set_view(const std::vector<NamedAddresses>& others);
    // Link, address, names and ports are free when this returns; without it, soon after the end of
    // the object, which is all that may be done then.
    void leave();

    // Readable: news. The others' names may have changed, or the holder is gone.
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    enum class News { none, names, gone };
    [[nodiscard]] News read_news();
    [[nodiscard]] const std::vector<NamedAddresses>& names() const noexcept { return names_; }

  private:
    explicit NetworkMember(base::UniqueFd socket) noexcept : socket_(std::move(socket)) {}
    std::string ask(const std::string& text, const std::vector<int>& fds = {});
    void take_names(const std::string& answer);

    base::UniqueFd socket_;
    Attachment attachment_;
    std::vector<NamedAddresses> names_;
    bool news_ = false;
};

class HolderGone : public base::Error {
  public:
    using Error::Error;
};

[[nodiscard]] bool holder_runs(const HolderPlace& place);
// Until it has ended; false: it still runs after `patience`.
bool wait_for_holder_end(const HolderPlace& place, std::chrono::milliseconds patience);

// The holder's life: `sandbox __network DIRECTORY ID PLAN`, PLAN of encode_plan(), descriptor 3 to
// be written to when it can be asked. Answers the exit code.
int run_holder(const std::string& directory, const std::string& id,
               const std::string& plan) noexcept;
[[nodiscard]] std::string encode_plan(const NetworkPlan& plan);
[[nodiscard]] NetworkPlan decode_plan(const std::string& text);  // throws Error

}  // namespace sandbox::net
