#include "engine/supervisor/payload_streams.hpp"

#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

namespace sandbox::engine {

PayloadStreams::PayloadStreams(base::PollLoop& loop, int container_dir_fd,
                               const ContainerSpec& spec, const store::LogOptions& options)
    : loop_(loop), interactive_(spec.interactive) {
    if (options.enabled) {
        try {
            log_.emplace(container_dir_fd, options);
        } catch (const base::Error& error) {
            if (error.code() == base::exit_code::kEngine) throw;  // another container's file
            base::log::warning("the container's output is not logged: " + error.message());
        }
    }
    if (!spec.tty) pipes_ = make_payload_pipes(spec.interactive);
}

std::array<int, 3> PayloadStreams::stdio_fds() const noexcept {
    return {pipes_.payload[0].get(), pipes_.payload[1].get(), pipes_.payload[2].get()};
}

void PayloadStreams::begin(LaunchedContainer& launched, bool stdin_once) {
    for (base::UniqueFd& fd : pipes_.payload) fd.reset();
    OutputEnds ends = std::move(pipes_.ours);
    ends.stdin_once = stdin_once;
    if (launched.pty_master) {
        ends.pty_master = std::move(launched.pty_master);
        ends.interactive = interactive_;
    }
    hub_.emplace(loop_, log_ ? &*log_ : nullptr, std::move(ends));
}

void PayloadStreams::finish(std::function<void()> finished) {
    if (!hub_) {
        finished();
        return;
    }
    // The next life may begin while clients still read: the log is its own from now on.
    hub_->finish([this] { log_.reset(); }, std::move(finished));
}

}  // namespace sandbox::engine
