// A container seen between two changes: either its lock is ours for a moment, or its supervisor can
// be asked. In between (it is being made, started, ended) one waits, with a line after a second and
// an error after half a minute.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "engine/control/client.hpp"
#include "sandbox/store/container_state.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {

// Waits in growing steps. A signal's interruption is its default action: nothing is held.
class Patience {
  public:
    explicit Patience(std::string what) : what_(std::move(what)) {}
    void wait();  // throws when it is over
    [[nodiscard]] std::chrono::milliseconds waited() const noexcept { return waited_; }

  private:
    std::string what_;
    std::chrono::milliseconds pause_{1};
    std::chrono::milliseconds waited_{0};
    bool said_ = false;
};

struct Settled {
    std::optional<store::OwnedContainer> owned;  // nobody cares for it: the lock is ours
    std::optional<ControlClient> client;         // else its supervisor
};
// Throws NotFoundError when it is gone. With `owned`, a state that a killed supervisor left is
// written down as what it means now.
[[nodiscard]] Settled settle(const store::Store& store, const std::string& id, Patience& patience);
// The end of one particular supervisor. By the time it has answered and gone, somebody else may
// have started the container again: who waited for the lock would wait for that one, too.
class SupervisorEnd {
  public:
    // Must be made before the supervisor is asked to end.
    explicit SupervisorEnd(const ControlClient& client) : process_(client.try_supervisor_pidfd()) {}
    // Until it has let go of the container, or no longer than `longest`.
    void wait(const store::Store& store, const std::string& id,
              std::optional<std::chrono::milliseconds> longest = std::nullopt) const;

  private:
    std::optional<base::UniqueFd> process_;  // absent: in another pid namespace, or gone
};

}  // namespace sandbox::engine
