#include "engine/pty_pump.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

constexpr auto kReopenPoll = std::chrono::milliseconds(100);
// PIPE_BUF: what a pipe that polls writable takes without blocking (pipe(7)).
constexpr size_t kSafeBlockingWrite = 4096;

void set_nonblocking(int fd) {
    const int flags = raw::fcntl(fd, F_GETFL);
    const int rc = flags < 0 ? flags : raw::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    if (rc < 0) throw base::SysError(-rc, "set up the container's terminal");
}

// O_NONBLOCK belongs to the open file, which we share with the caller's shell: a new one is ours.
// Not possible for sockets and for files that meanwhile belong to somebody else.
base::UniqueFd reopen_nonblocking(int fd) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const int own =
        raw::openat(AT_FDCWD, path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return base::UniqueFd(own < 0 ? -1 : own);
}

base::UniqueFd duplicate(int fd) {
    const int copy = raw::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) throw base::SysError(-copy, "set up the container's terminal");
    return base::UniqueFd(copy);
}

mode_t file_type(int fd) noexcept {
    struct stat info {};
    return ::fstat(fd, &info) == 0 ? info.st_mode & S_IFMT : 0;
}

}  // namespace

PtyPump::PtyPump(base::PollLoop& loop, const Ends& ends, std::function<void()> output_lost,
                 std::function<void(std::string_view)> tap)
    : loop_(loop),
      ends_(ends),
      output_lost_(std::move(output_lost)),
      tap_(std::move(tap)),
      input_open_(ends.input_fd >= 0) {
    set_nonblocking(ends_.master_fd);
    master_out_ = duplicate(ends_.master_fd);
    // A regular file has its position in the shared description: only pipes and terminals may be
    // written through another one.
    const mode_t type = file_type(ends_.output_fd);
    if (type == S_IFIFO || type == S_IFCHR) own_output_ = reopen_nonblocking(ends_.output_fd);
    output_may_block_ = type != S_IFREG;
    if (input_open_) {
        input_.emplace(loop_, ends_.input_fd, EPOLLIN, [this] {
            input_ready_ = true;
            pump();
        });
    }
    const int output_fd = own_output_ ? own_output_.get() : ends_.output_fd;
    output_.emplace(loop_, output_fd, EPOLLOUT, [this] {
        output_ready_ = true;
        pump();
    });
    master_in_.emplace(loop_, ends_.master_fd, EPOLLIN, [this] { pump(); });
    master_out_interest_.emplace(loop_, master_out_.get(), EPOLLOUT, [this] { pump(); });
    pump();
}

PtyPump::~PtyPump() {
    if (retry_) loop_.remove(*retry_);
}

void PtyPump::pause_input() {
    input_paused_ = true;
    update_watches();
}

void PtyPump::resume_input() {
    input_paused_ = false;
    update_watches();
}

void PtyPump::finish(std::function<void()> finished) {
    finished_ = std::move(finished);
    master_quiet_ = false;
    input_open_ = false;
    to_master_.begin = to_master_.end = 0;
    pump();
}

void PtyPump::pump() {
    // Bounded: signals must be served between.
    constexpr int kMaxRounds = 64;
    int round = 0;
    bool progress = true;
    for (; progress && round < kMaxRounds; ++round) {
        progress = read_input();
        progress = write_master() || progress;
        progress = read_master() || progress;
        progress = write_output() || progress;
    }
    update_watches();
    if (progress && !pumping_again_) {
        pumping_again_ = true;
        loop_.add_timer(std::chrono::nanoseconds(1), std::chrono::nanoseconds(0), [this] {
            pumping_again_ = false;
            pump();
        });
        return;
    }
    check_finished();
}

bool PtyPump::read_input() {
    if (!input_open_ || input_paused_ || !to_master_.empty()) return false;
    if (!std::exchange(input_ready_, false)) return false;
    const long count = raw::read(ends_.input_fd, to_master_.data.data(), 4096);
    if (count == -EAGAIN || count == -EINTR) return false;
    if (count <= 0) {
        // read(2): EIO for a background job; end_of_input() would end the payload's input for good.
        if (count == -EIO && ::isatty(ends_.input_fd) == 1) {
            input_paused_ = true;
            return false;
        }
        end_of_input();
        return true;
    }
    to_master_.begin = 0;
    to_master_.end = static_cast<size_t>(count);
    last_input_was_newline_ = to_master_.data[to_master_.end - 1] == '\n';
    return true;
}

// A terminal has no end of file but the character that means it.
void PtyPump::end_of_input() {
    input_open_ = false;
    termios settings{};
    if (::tcgetattr(ends_.master_fd, &settings) != 0 || (settings.c_lflag & ICANON) == 0) return;
    const char eof = static_cast<char>(settings.c_cc[VEOF]);
    to_master_.begin = to_master_.end = 0;
    // termios(3), VEOF: after other characters it only pushes the unfinished line.
    if (!last_input_was_newline_) to_master_.data[to_master_.end++] = eof;
    to_master_.data[to_master_.end++] = eof;
}

bool PtyPump::write_master() {
    if (to_master_.empty()) return false;
    const long count = raw::write(master_out_.get(), to_master_.data.data() + to_master_.begin,
                                  to_master_.end - to_master_.begin);
    if (count == -EAGAIN || count == -EINTR) return false;
    if (count <= 0) {
        to_master_.begin = to_master_.end;  // nobody has the terminal open any more
        return false;
    }
    to_master_.begin += static_cast<size_t>(count);
    return true;
}

bool PtyPump::read_master() {
    if (!to_output_.empty() || master_quiet_) return false;
    const long count = raw::read(ends_.master_fd, to_output_.data.data(), to_output_.data.size());
    if (count == -EAGAIN || count == -EINTR) {
        // With the container gone there is no writer: empty now is empty for ever.
        if (finished_ && count == -EAGAIN) master_quiet_ = true;
        return false;
    }
    if (count <= 0) {
        // EIO: no process has the other side open; one may come (ptmx, pty(7)).
        master_quiet_ = true;
        if (!finished_ && !retry_) {
            retry_ = loop_.add_timer(kReopenPoll, std::chrono::nanoseconds(0), [this] {
                retry_.reset();
                master_quiet_ = false;
                pump();
            });
        }
        return false;
    }
    to_output_.begin = 0;
    to_output_.end = static_cast<size_t>(count);
    if (tap_) tap_({to_output_.data.data(), to_output_.end});
    if (!output_open_) to_output_.begin = to_output_.end;
    return true;
}

bool PtyPump::write_output() {
    if (to_output_.empty()) return false;
    const char* data = to_output_.data.data() + to_output_.begin;
    size_t size = to_output_.end - to_output_.begin;
    long count = 0;
    if (own_output_) {
        count = raw::write(own_output_.get(), data, size);
    } else {
        if (!std::exchange(output_ready_, false)) return false;
        if (output_may_block_) size = std::min(size, kSafeBlockingWrite);
        count = raw::write(ends_.output_fd, data, size);
    }
    if (count == -EAGAIN || count == -EINTR) return false;
    if (count <= 0) {
        lose_output();
        return true;
    }
    to_output_.begin += static_cast<size_t>(count);
    return true;
}

void PtyPump::lose_output() {
    to_output_.begin = to_output_.end;
    if (!std::exchange(output_open_, false)) return;
    if (output_lost_) output_lost_();
}

void PtyPump::update_watches() {
    if (input_) input_->set(input_open_ && !input_paused_ && to_master_.empty());
    master_out_interest_->set(!to_master_.empty());
    master_in_->set(to_output_.empty() && !master_quiet_);
    output_->set(!to_output_.empty());
}

void PtyPump::check_finished() {
    if (!finished_ || !master_quiet_ || !to_output_.empty()) return;
    const auto finished = std::exchange(finished_, nullptr);
    finished();
}

}  // namespace sandbox::engine
