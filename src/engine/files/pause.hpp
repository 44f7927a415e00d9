// A running container stands still while its files are read as a whole.
#pragma once

#include "engine/files/open_container.hpp"

namespace sandbox::engine {

class Pause {
  public:
    // Not wished, not running, or already paused: nothing happens. A container that cannot be
    // paused is read as it runs, which is said.
    Pause(const store::Store& store, const OpenContainer& container, bool wished);
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause();

  private:
    const store::Store& store_;
    std::string id_;  // empty: nothing to undo
};

}  // namespace sandbox::engine
