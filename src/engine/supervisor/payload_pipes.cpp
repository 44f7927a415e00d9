#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "engine/supervisor/output.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

base::Pipe make_open_pipe() {
    base::Pipe pipe =
        base::with_context("the container's output", [] { return base::make_pipe(); });
    // A pipe is opened anew through /proc/PID/fd by its mode (pipe(7), proc(5)), which only
    // processes of the container can reach; users inside have other ids than its maker.
    (void)base::raw::fchmod(pipe.write_end.get(), 0666);
    return pipe;
}

}  // namespace

PayloadPipes make_payload_pipes(bool interactive) {
    PayloadPipes pipes;
    pipes.ours.interactive = interactive;
    if (interactive) {
        base::Pipe in = make_open_pipe();
        pipes.payload[0] = std::move(in.read_end);
        pipes.ours.stdin_pipe = std::move(in.write_end);
    } else {
        pipes.payload[0] = base::open_at(AT_FDCWD, "/dev/null", O_RDONLY);
    }
    base::Pipe out = make_open_pipe();
    base::Pipe err = make_open_pipe();
    pipes.payload[1] = std::move(out.write_end);
    pipes.payload[2] = std::move(err.write_end);
    pipes.ours.stdout_pipe = std::move(out.read_end);
    pipes.ours.stderr_pipe = std::move(err.read_end);
    return pipes;
}

}  // namespace sandbox::engine
