// What a detached payload has as its standard streams, and who reads what it writes: the log and
// whoever is attached.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "engine/launch.hpp"
#include "engine/supervisor/output.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/engine/container_spec.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::engine {

class PayloadStreams {
  public:
    // A log that cannot be opened is no reason not to run: it is said, and nothing is logged. One
    // that another container writes is: Error.
    PayloadStreams(base::PollLoop& loop, int container_dir_fd, const ContainerSpec& spec,
                   const store::LogOptions& options);

    // For the launch; closed by begin().
    [[nodiscard]] std::array<int, 3> stdio_fds() const noexcept;
    // `stdin_once`: its input ends with the first client that ends it.
    void begin(LaunchedContainer& launched, bool stdin_once);
    // Null before begin().
    [[nodiscard]] OutputHub* hub() noexcept { return hub_ ? &*hub_ : nullptr; }
    // The payload is gone: `finished` is called when all it wrote has been taken care of. It must
    // not destroy this object.
    void finish(std::function<void()> finished);
    void hurry() {
        if (hub_) hub_->hurry();
    }

  private:
    base::PollLoop& loop_;
    bool interactive_;
    std::optional<store::LogWriter> log_;
    PayloadPipes pipes_;
    std::optional<OutputHub> hub_;
};

}  // namespace sandbox::engine
