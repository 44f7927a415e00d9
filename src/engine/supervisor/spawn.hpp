// From a command to a supervisor of its own: `sandbox __supervise …`, in a session of its own, that
// inherits the container's lock and tells on a socket how the first start went.
#pragma once

#include <optional>

#include "engine/supervise.hpp"
#include "sandbox/store/container_state.hpp"
#include "sandbox/store/container_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// The first life's streams, from its first byte on: what `attach` could only get later.
struct FirstStreams {
    bool in = false;  // wish: standard input, too
    base::UniqueFd stream;
    bool tty = false;
};

// Answers when the payload has been executed. Throws what the supervisor reports: Error with 127,
// 126, 125; the container is as it was then (or gone, when it was to be removed at its end), and
// its lock is given up. `gate` has blocked the signals: an interrupt ends the supervisor and what
// it started, `container` stays ours, and an Error with 128+n is thrown.
void start_supervisor(const store::Store& store, store::OwnedContainer& container, SignalGate& gate,
                      FirstStreams* streams = nullptr);
// start_container() for who wants to be attached; the stream stays empty when it runs already.
// lifecycle.cpp.
void start_with_streams(const store::Store& store, const std::string& name, FirstStreams* streams);
// Without waiting: for a foreground run that ended and whose restart policy wants more.
void hand_over_to_supervisor(const store::Store& store, const store::OwnedContainer& container);

}  // namespace sandbox::engine
