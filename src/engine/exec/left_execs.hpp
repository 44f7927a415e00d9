// Programs that `exec -d` left behind: how each one ends comes over the pipe that its caller hands
// to the container's supervisor, which tells it.
#pragma once

#include <functional>
#include <list>
#include <string>

#include "engine/control/server.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

// The op "exec-left" {exec_id}, with the reading end of the program's control pipe → {}.
[[nodiscard]] base::json::Value exec_left_request(const std::string& exec_id);

class LeftExecs {
  public:
    using Ended = std::function<void(const std::string& exec_id, int exit_code)>;
    // `server` and `loop` are borrowed.
    LeftExecs(ControlServer& server, base::PollLoop& loop, Ended ended);
    ~LeftExecs();
    LeftExecs(const LeftExecs&) = delete;
    LeftExecs& operator=(const LeftExecs&) = delete;

  private:
    struct Left {
        std::string exec_id;
        base::UniqueFd control;
        base::PollLoop::Token token{};
    };
    void watch(ControlCall call);
    void on_end(std::list<Left>::iterator left);

    base::PollLoop& loop_;
    Ended ended_;
    std::list<Left> left_;
};

}  // namespace sandbox::engine
