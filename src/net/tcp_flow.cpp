// Theory. Each direction is a little machine: what is in the pipe goes out first; then, while the
// source has something, it comes in. Few bytes are copied through a buffer (one read, one write); a
// full buffer shows a bulk transfer, which is spliced: pages move, bytes do not. Pipes are small
// when an account has many (pipe(7)), or not to be had: no flow depends on one. Events are
// edge-triggered and only set the flags `readable` and `writable`, which EAGAIN clears.
// A reset or any other failure of one side resets the other; an end of file shuts the other side
// for writing once all before it has gone out.
#include "net/tcp_flow.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::net {
namespace {

namespace raw = base::raw;
using base::UniqueFd;

constexpr size_t kCopyBytes = 16 * 1024;
constexpr size_t kSpliceBytes = 1024 * 1024;
constexpr int kPipeBytes = 512 * 1024;
// What one direction may move before others get their turn.
constexpr size_t kFairBytes = 2 * 1024 * 1024;
constexpr size_t kSparePipes = 4;

ssize_t splice_some(int from_fd, int to_fd, size_t size) noexcept {
    const ssize_t rc =
        ::splice(from_fd, nullptr, to_fd, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    return rc < 0 ? -errno : rc;
}

}  // namespace

void set_reset_on_close(int fd, bool on) noexcept {
    const linger at_once{on ? 1 : 0, 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void close_with_reset(UniqueFd fd) noexcept {
    set_reset_on_close(fd.get(), true);
}

int take_error(int fd) noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    (void)::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

void set_stream_options(int fd) noexcept {
    // None of them is vital: a failure leaves the kernel's own behaviour.
    const int on = 1, idle_s = 120, interval_s = 30, probes = 4;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

void set_congestion_control(int fd, const IpAddress& end) noexcept {
    if (!end.is_loopback()) return;
    // tcp(7): the one that every user may choose. Without it the host's own is as good, only
    // slower.
    constexpr std::string_view kName = "reno";
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kName.data(), kName.size());
}

class TcpFlow {
  public:
    TcpFlow(TcpFlows& owner, UniqueFd a, UniqueFd b)
        : owner_(owner), a_(*this, std::move(a)), b_(*this, std::move(b)) {}
    ~TcpFlow() { detach(); }
    void start() {
        owner_.loop_.watch(a_.fd.get(), kStreamEvents, a_);
        owner_.loop_.watch(b_.fd.get(), kStreamEvents, b_);
    }
    void detach() noexcept {
        if (detached_) return;
        detached_ = true;
        owner_.loop_.forget(a_.fd.get(), a_);
        owner_.loop_.forget(b_.fd.get(), b_);
    }
    size_t place = 0;  // in the owner's list

  private:
    enum class Step { more, wait, over, failed };
    struct Side final : Watcher {
        Side(TcpFlow& its_flow, UniqueFd socket) : flow(its_flow), fd(std::move(socket)) {}
        void on_events(std::uint32_t events) override { flow.on_events(*this, events); }
        TcpFlow& flow;
        UniqueFd fd;
        bool readable = true;
        bool writable = true;
        bool hung_up = false;  // an end of file is on its way: read until it comes
        bool urgent = false;
        // What this side sends.
        Pipe pipe;
        size_t held_bytes = 0;   // in the pipe
        std::vector<char> kept;  // or here: what a write has left of a copy
        bool bulk = false;
        bool at_end = false;
        bool finished = false;  // and the other side has been told
    };

    void on_events(Side& side, std::uint32_t events);
    Step pump(Side& from, Side& to);
    Step flush(Side& from, Side& to);
    Step take(Side& from, Side& to, size_t& moved);
    Step copy(Side& from, Side& to, size_t& moved);
    Step send_urgent(Side& from, Side& to);
    void abort();

    TcpFlows& owner_;
    Side a_;
    Side b_;
    bool detached_ = false;
};

void TcpFlow::on_events(Side& side, std::uint32_t events) {
    if (detached_) return;
    if ((events & EPOLLERR) != 0) {
        // What came before a reset can still be read, and goes first.
        side.readable = true;
        if (pump(side, &side == &a_ ? b_ : a_) == Step::failed) return abort();
        // ICMP errors that TCP survives never come here.
        if (take_error(side.fd.get()) != 0) return abort();
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0) side.readable = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) side.hung_up = true;
    if ((events & EPOLLOUT) != 0) side.writable = true;
    if ((events & EPOLLPRI) != 0) side.urgent = side.readable = true;
    for (const auto& [from, to] : {std::pair{&a_, &b_}, std::pair{&b_, &a_}}) {
        const Step step = pump(*from, *to);
        if (step == Step::failed) {
            // The one that is gone may have said something before.
            to->readable = true;
            (void)pump(*to, *from);
            return abort();
        }
        if (step == Step::more) owner_.loop_.call_again(side);
    }
    if (a_.finished && b_.finished) {
        set_reset_on_close(a_.fd.get(), false);
        set_reset_on_close(b_.fd.get(), false);
        owner_.retire(*this);
    }
}

TcpFlow::Step TcpFlow::pump(Side& from, Side& to) {
    if (from.finished) return Step::over;
    Step step = Step::more;
    for (size_t moved = 0; step == Step::more && moved < kFairBytes;) {
        step = flush(from, to);
        if (step == Step::more && from.at_end) {
            // Refused only when that side is gone altogether, which its own events tell.
            (void)::shutdown(to.fd.get(), SHUT_WR);
            from.finished = true;
            step = Step::over;
        } else if (step == Step::more) {
            step = from.readable ? take(from, to, moved) : Step::wait;
        }
    }
    if (from.held_bytes == 0 && from.pipe.read_end) owner_.give_back(std::move(from.pipe));
    return step;
}

TcpFlow::Step TcpFlow::flush(Side& from, Side& to) {
    while (!from.kept.empty()) {
        if (!to.writable) return Step::wait;
        const ssize_t sent = ::send(to.fd.get(), from.kept.data(), from.kept.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            to.writable = false;
        } else if (sent == static_cast<ssize_t>(from.kept.size())) {
            from.kept = {};
        } else if (sent > 0) {
            from.kept.erase(from.kept.begin(), from.kept.begin() + sent);
        } else if (errno != EINTR) {
            return Step::failed;
        }
    }
    while (from.held_bytes > 0) {
        if (!to.writable) return Step::wait;
        const ssize_t sent = splice_some(from.pipe.read_end.get(), to.fd.get(), from.held_bytes);
        if (sent == -EAGAIN) {
            to.writable = false;
        } else if (sent > 0) {
            from.held_bytes -= static_cast<size_t>(sent);
        } else if (sent != -EINTR) {
            return Step::failed;
        }
    }
    return Step::more;
}

TcpFlow::Step TcpFlow::take(Side& from, Side& to, size_t& moved) {
    if (from.urgent) return send_urgent(from, to);
    if (!from.bulk) return copy(from, to, moved);
    if (!from.pipe.read_end) from.pipe = owner_.take_pipe();
    if (!from.pipe.read_end) return copy(from, to, moved);
    const ssize_t got = splice_some(from.fd.get(), from.pipe.write_end.get(), kSpliceBytes);
    if (got > 0) {
        from.held_bytes += static_cast<size_t>(got);
        moved += static_cast<size_t>(got);
        if (static_cast<size_t>(got) < kCopyBytes) from.bulk = false;
        return Step::more;
    }
    if (got == 0) {
        from.bulk = false;  // the end, or an urgent byte: a read tells
        return Step::more;
    }
    if (got == -EINTR) return Step::more;
    if (got != -EAGAIN) return Step::failed;
    from.readable = false;
    return Step::wait;
}

TcpFlow::Step TcpFlow::copy(Side& from, Side& to, size_t& moved) {
    if (!to.writable) return Step::wait;
    std::array<char, kCopyBytes> buffer;
    const ssize_t got = ::recv(from.fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
        if (errno == EINTR) return Step::more;
        if (errno != EAGAIN) return Step::failed;
        from.readable = false;
        return Step::wait;
    }
    if (got == 0) {
        from.at_end = true;
        return Step::more;
    }
    const auto size = static_cast<size_t>(got);
    moved += size;
    from.bulk = size == buffer.size();
    // epoll(7): a short read from a stream has emptied it. The end of file may still be there.
    if (!from.bulk && !from.hung_up) from.readable = false;
    ssize_t sent = ::send(to.fd.get(), buffer.data(), size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) sent = 0;
    if (sent < 0) return Step::failed;
    if (sent == got) return Step::more;
    to.writable = false;
    from.kept.assign(buffer.begin() + sent, buffer.begin() + got);
    return Step::wait;
}

// tcp(7): the urgent byte is out of the stream; reads stop before its mark. What lies before the
// mark is copied as usual, then the byte goes as urgent again.
TcpFlow::Step TcpFlow::send_urgent(Side& from, Side& to) {
    int at_mark = 0;
    if (::ioctl(from.fd.get(), SIOCATMARK, &at_mark) != 0) return Step::failed;
    if (at_mark == 0) {
        size_t moved = 0;
        const Step step = copy(from, to, moved);
        // A read that stops at the mark is short although more lies behind it.
        if (step == Step::more && moved > 0) from.readable = true;
        if (step == Step::wait && !from.kept.empty()) {
            from.readable = true;
        } else if (step == Step::wait && !from.readable) {
            from.urgent = false;
        }
        return step;
    }
    if (!to.writable) return Step::wait;
    char byte = 0;
    if (::recv(from.fd.get(), &byte, 1, MSG_OOB | MSG_PEEK) != 1) {
        from.urgent = errno == EAGAIN;  // told of, but not here yet
        if (!from.urgent) return Step::more;
        from.readable = false;
        return Step::wait;
    }
    if (::send(to.fd.get(), &byte, 1, MSG_OOB | MSG_NOSIGNAL) < 0) {
        if (errno != EAGAIN) return Step::failed;
        to.writable = false;
        return Step::wait;
    }
    from.urgent = false;
    (void)::recv(from.fd.get(), &byte, 1, MSG_OOB);
    from.bulk = false;  // splice(2) cannot step over the mark; a read does
    from.readable = true;
    return Step::more;
}

void TcpFlow::abort() {
    detach();
    close_with_reset(std::move(a_.fd));
    close_with_reset(std::move(b_.fd));
    owner_.retire(*this);
}

TcpFlows::TcpFlows(EventLoop& loop) : loop_(loop) {}

TcpFlows::~TcpFlows() {
    loop_.forget(-1, *this);
}

void TcpFlows::add(UniqueFd a, UniqueFd b) {
    for (const UniqueFd* fd : {&a, &b}) {
        set_stream_options(fd->get());
        // A helper that is killed must not look like an orderly end of what it carried.
        set_reset_on_close(fd->get(), true);
    }
    auto flow = std::make_unique<TcpFlow>(*this, std::move(a), std::move(b));
    flow->start();  // epoll reports at once what is there already
    flow->place = flows_.size();
    flows_.push_back(std::move(flow));
}

void TcpFlows::on_events(std::uint32_t) {
    ended_.clear();
    if (flows_.capacity() > 1024 && flows_.size() < flows_.capacity() / 8) flows_.shrink_to_fit();
}

Pipe TcpFlows::take_pipe() {
    if (!spare_.empty()) {
        Pipe pipe = std::move(spare_.back());
        spare_.pop_back();
        return pipe;
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return {};
    Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
    // pipe(7): refused beyond the user's share; the pipe is as good then, only smaller.
    (void)raw::fcntl(pipe.write_end.get(), F_SETPIPE_SZ, kPipeBytes);
    return pipe;
}

void TcpFlows::give_back(Pipe pipe) {
    if (spare_.size() < kSparePipes) spare_.push_back(std::move(pipe));
}

void TcpFlows::retire(TcpFlow& flow) {
    flow.detach();
    const size_t place = flow.place;
    ended_.push_back(std::move(flows_[place]));
    if (place + 1 != flows_.size()) {
        flows_[place] = std::move(flows_.back());
        flows_[place]->place = place;
    }
    flows_.pop_back();
    loop_.call_again(*this);
}

}  // namespace sandbox::net
