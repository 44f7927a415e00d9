// The other commands' way to a container's supervisor: asks over the socket in its directory. Not
// for: finding out whether it lives (that is the lock).
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// The supervisor ended without an answer: for whoever stops or removes that is as good.
class SupervisorGone : public base::Error {
  public:
    SupervisorGone()
        : Error("the container's supervisor ended before it answered", "see `sandbox ps -a`") {}
};

struct Reply {
    base::json::Value value;
    std::vector<base::UniqueFd> fds;
};

class ControlClient {
  public:
    // Absent: nobody serves it – it is not running, or is just being started or ended.
    [[nodiscard]] static std::optional<ControlClient> try_connect(const store::Store& store,
                                                                  const std::string& id);
    [[nodiscard]] static std::optional<ControlClient> try_connect(int container_dir_fd);

    static constexpr std::chrono::milliseconds kPatience{30'000};
    // {"op": …} → the answer. Throws the Error that the other side answered (message, hint, code),
    // SupervisorGone when it died, Error when it did not answer within `patience` (absent: waits
    // for ever). After a second of silence a line says for whom we wait, when there is a patience.
    Reply call(const base::json::Value& request, std::span<const int> fds = {},
               std::optional<std::chrono::milliseconds> patience = kPatience);

    // The supervisor's pid, for display: unix(7), SO_PEERCRED holds who listened. 0: it is in
    // another pid namespace.
    [[nodiscard]] pid_t supervisor_pid() const;
    // Its pidfd, proven to be its. Absent: it is gone.
    [[nodiscard]] std::optional<base::UniqueFd> try_supervisor_pidfd() const;
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

  private:
    explicit ControlClient(base::UniqueFd socket) noexcept : socket_(std::move(socket)) {}
    base::UniqueFd socket_;
};

}  // namespace sandbox::engine
