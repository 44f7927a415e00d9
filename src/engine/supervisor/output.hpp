// The streams of one launched container, as its supervisor serves them: reads the payload's pipes
// or terminal, writes the log, copies to whoever is attached, feeds standard input. Runs in the
// supervisor's loop; nothing here waits.
//
// The log comes first: bytes that were read are logged before anybody else gets them, so a slow or
// dead client loses no log data. An attached client that does not read stops the payload's writes,
// as a pipe without a reader would; readers of the log files (`logs -f`) never do.
#pragma once

#include <sys/ioctl.h>

#include <array>
#include <functional>
#include <memory>

#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::engine {

// Our ends of the payload's streams. All are made non-blocking.
struct OutputEnds {
    base::UniqueFd stdout_pipe, stderr_pipe;  // to read from; empty with a terminal
    base::UniqueFd pty_master;                // tty only
    base::UniqueFd stdin_pipe;                // to write to; empty: the payload has /dev/null
    bool interactive = false;                 // clients may write (tty: to the terminal)
    bool stdin_once = false;                  // input ends with the first client that ends it
};

// Both ends of what a payload without a terminal gets as 0, 1 and 2: give `payload` to launch(),
// close it afterwards, and `ours` to the hub. Any user inside may open /dev/stdout anew, as the
// images of nginx and others do.
struct PayloadPipes {
    std::array<base::UniqueFd, 3> payload{};
    OutputEnds ours;
};
[[nodiscard]] PayloadPipes make_payload_pipes(bool interactive);

struct AttachWish {
    bool in = false, out = true, err = true;
};

class OutputHub {
  public:
    // `log` is borrowed; null: nothing is logged. Throws SysError.
    OutputHub(base::PollLoop& loop, store::LogWriter* log, OutputEnds ends);
    ~OutputHub();
    OutputHub(const OutputHub&) = delete;
    OutputHub& operator=(const OutputHub&) = delete;

    // The client's end of a stream socket. Output comes in docker's frames (1 byte stream: 1 or 2,
    // 3 zero bytes, 4 bytes length, big-endian; then that many bytes), or raw when tty(). What the
    // client writes goes to standard input, as it is; shutdown(SHUT_WR) means its end. The client
    // sees the end of file after the last byte.
    [[nodiscard]] base::UniqueFd attach(const AttachWish& wish);
    // The caller of a foreground run: descriptors of other people, borrowed, -1: not wanted; they
    // are written without ever waiting for them and stay as they are. `lost`: called once when
    // nobody reads one of them any more.
    void tee(int stdout_fd, int stderr_fd, std::function<void()> lost);
    [[nodiscard]] bool tty() const noexcept;
    void resize(const winsize& size);  // without a terminal: nothing
    [[nodiscard]] size_t client_count() const noexcept;

    // The container has ended: what is in its streams is the rest. `logged` is called, before this
    // returns, when all of it is in the log, which is not used any more; `drained` when every
    // client has it too, or has not read for ten seconds (never for a tee: that one is waited for
    // as long as it is there). Both may destroy the hub, but `logged` must not.
    void finish(const std::function<void()>& logged, std::function<void()> drained = {});
    // After finish(): somebody waits for `drained`. Two seconds after the end no client is waited
    // for any more, whether it reads or not.
    void hurry();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sandbox::engine
