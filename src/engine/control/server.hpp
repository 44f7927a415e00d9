// The supervisor's end of the control socket: containers/<id>/control. Operations are put in by
// whoever serves them; an answer may come at once or much later (wait, stop). Only the store's own
// user (and root) is heard. A client that does not read loses its connection, never stops us.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

// One request that waits for its answer. Exactly one of reply() and fail(); when neither was called
// at destruction, the client hears an error. A client that is gone is no error.
class ControlCall {
  public:
    struct Connection;
    ControlCall(ControlCall&& other) noexcept;
    ControlCall& operator=(ControlCall&& other) noexcept;
    ControlCall(const ControlCall&) = delete;
    ControlCall& operator=(const ControlCall&) = delete;
    ~ControlCall();

    [[nodiscard]] const base::json::Value& request() const noexcept { return request_; }
    [[nodiscard]] std::vector<base::UniqueFd>& fds() noexcept { return fds_; }
    void reply(const base::json::Value& value = base::json::Object{},
               std::span<const int> fds = {}) noexcept;
    void fail(const base::Error& error) noexcept;
    // Called once when the client goes away before it has its answer.
    void on_hangup(std::function<void()> handler);
    [[nodiscard]] bool is_connected() const noexcept { return !connection_.expired(); }

  private:
    friend class ControlServer;
    ControlCall(std::weak_ptr<Connection> connection, base::json::Value request,
                std::vector<base::UniqueFd> fds) noexcept;

    std::weak_ptr<Connection> connection_;  // empty once answered
    base::json::Value request_;
    std::vector<base::UniqueFd> fds_;
    int exceptions_;  // in flight when it was made
};

class ControlServer {
  public:
    // Binds and listens; a socket that a killed supervisor left is replaced. Must hold the
    // container's lock. `loop` and `container_dir_fd` are borrowed.
    ControlServer(base::PollLoop& loop, int container_dir_fd);
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    // An Error that leaves the handler is the answer.
    void on(std::string op, std::function<void(ControlCall)> handler);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sandbox::engine
