// What a container's end and its new life mean for others is decided by another program, which the
// supervisor only starts: `sandbox VERB restarted|ended STORE ID STARTED_NS`
// (RunRequest::follow_up).
#pragma once

#include <list>
#include <string>

#include "sandbox/base/poll_loop.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/store/container_state.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

class FollowUps {
  public:
    // All are borrowed and outlive the object.
    FollowUps(const store::Store& store, const std::string& id, base::PollLoop& loop)
        : store_(store), id_(id), loop_(loop) {}
    FollowUps(const FollowUps&) = delete;
    FollowUps& operator=(const FollowUps&) = delete;
    ~FollowUps();  // what is on its way goes on

    // An empty verb: nobody wants to know. Never throws: the container's life does not depend on
    // it.
    void start(const std::string& verb, const char* what,
               const store::ContainerState& state) noexcept;

  private:
    const store::Store& store_;
    const std::string& id_;
    base::PollLoop& loop_;
    std::list<kernel::ChildProcess> children_;
};

}  // namespace sandbox::engine
