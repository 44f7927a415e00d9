// Theory of operation. A source (pipe or terminal) is read while no sink holds anything back. What
// was read goes to the log and then to the sinks. A tick, armed only while there is output, writes
// unfinished lines out (a prompt has no newline) and, when all has been quiet since the last one,
// gives memory and pipe space back: idle containers are many.
#include "engine/supervisor/output.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "engine/supervisor/caller_end.hpp"
#include "engine/supervisor/output_client.hpp"
#include "engine/supervisor/output_input.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/page_buffer.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
using std::chrono::milliseconds;
using store::LogStream;

constexpr std::chrono::nanoseconds kOnce{0};
// With the pipe: still in the processor's cache when it is written. Bigger ones were not faster.
constexpr size_t kChunkBytes = 128u << 10;
constexpr milliseconds kTick{250};
constexpr milliseconds kReopenPoll{100};
constexpr std::chrono::seconds kStuckAfter{10};
constexpr std::chrono::seconds kHurriedEnd{2};
// Signals and requests are served between.
constexpr int kMaxReadsInTurn = 16;
// pipe(7): a user's pipes may have 64 MiB in all before new ones become tiny, so only a busy one is
// made big.
constexpr int kUsualPipeBytes = 64 << 10;
constexpr int kBigPipeBytes = 256 << 10;
// A flood, since the last tick.
constexpr std::uint64_t kFloodBytes = 2u << 20;
// At the end: no more than can have been in the streams, or a process outside of the container
// which holds one would keep us for ever.
constexpr std::uint64_t kMostAtTheEnd = 4u << 20;

void set_nonblocking(int fd) {
    const int flags = raw::fcntl(fd, F_GETFL);
    const int rc = flags < 0 ? flags : raw::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    if (rc < 0) throw base::SysError(-rc, "set up the container's output");
}

base::UniqueFd duplicate(const base::UniqueFd& fd) {
    const int copy = raw::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) throw base::SysError(-copy, "set up the container's output");
    return base::UniqueFd(copy);
}

struct Source {
    base::UniqueFd fd;
    LogStream stream = LogStream::out;
    bool is_terminal = false;
    bool quiet = false;            // a terminal that no process has open
    std::uint64_t since_tick = 0;  // bytes
    bool big = false;
    std::optional<base::PollLoop::Token> token{};
};

struct Read {
    size_t bytes = 0;
    bool plenty = false;  // as much as was asked for
};

}  // namespace

struct OutputHub::Impl {
    Impl(base::PollLoop& poll_loop, store::LogWriter* writer, OutputEnds ends);
    ~Impl();

    void add_source(base::UniqueFd fd, LogStream stream, bool is_terminal);
    void read_source(Source& source);
    // Absent: nothing more, now or ever.
    std::optional<Read> read_once(Source& source);
    void deliver(LogStream stream, std::string_view bytes);
    void resize_pipe(Source& source, bool big);
    void on_tick();
    void arm_tick();
    void retry_terminal();
    [[nodiscard]] bool is_blocked() const;
    void on_change();
    void sweep();
    void update_sources();
    void on_room();
    void watch_stuck_clients();
    void hurry();
    void check_drained();

    base::PollLoop& loop;
    store::LogWriter* log;
    bool is_tty;
    bool interactive;
    bool stdin_once;
    base::PageBuffer buffer{kChunkBytes};
    std::vector<Source> sources;
    std::optional<PayloadInput> input;
    std::list<OutputClient> clients;
    std::list<CallerEnd> callers;
    std::function<void()> caller_lost;
    std::function<void()> drained;
    std::vector<std::uint64_t> passed;  // by the clients, when last looked at
    std::optional<base::PollLoop::Token> tick, retry, stuck, deadline;
    std::chrono::steady_clock::time_point finished_at;
    bool active_since_tick = false;
    bool delivering = false;
    bool finished = false;
};

OutputHub::Impl::Impl(base::PollLoop& poll_loop, store::LogWriter* writer, OutputEnds ends)
    : loop(poll_loop),
      log(writer),
      is_tty(ends.pty_master.valid()),
      interactive(ends.interactive),
      stdin_once(ends.stdin_once) {
    sources.reserve(2);
    base::UniqueFd to_payload = std::move(ends.stdin_pipe);
    if (is_tty) {
        set_nonblocking(ends.pty_master.get());
        to_payload = duplicate(ends.pty_master);
        add_source(std::move(ends.pty_master), LogStream::out, true);
    } else {
        if (to_payload) set_nonblocking(to_payload.get());
        add_source(std::move(ends.stdout_pipe), LogStream::out, false);
        add_source(std::move(ends.stderr_pipe), LogStream::err, false);
    }
    input.emplace(loop, std::move(to_payload), is_tty, [this] { on_room(); });
    update_sources();
}

OutputHub::Impl::~Impl() {
    for (const auto* token : {&tick, &retry, &stuck, &deadline}) {
        if (*token) loop.remove(**token);
    }
    for (const Source& source : sources) {
        if (source.token) loop.remove(*source.token);
    }
}

void OutputHub::Impl::add_source(base::UniqueFd fd, LogStream stream, bool is_terminal) {
    if (!fd) return;
    set_nonblocking(fd.get());
    sources.push_back({.fd = std::move(fd), .stream = stream, .is_terminal = is_terminal});
}

bool OutputHub::Impl::is_blocked() const {
    const auto blocked = [](const OutputSink& sink) { return sink.is_blocked(); };
    return std::any_of(clients.begin(), clients.end(), blocked) ||
           std::any_of(callers.begin(), callers.end(), blocked);
}

void OutputHub::Impl::update_sources() {
    const bool blocked = is_blocked();
    for (Source& source : sources) {
        // Removed, not masked: epoll reports a hang-up whatever the mask says.
        const bool wanted = source.fd && !source.quiet && !blocked && !finished;
        if (wanted == source.token.has_value()) continue;
        if (wanted) {
            source.token = loop.add_fd(source.fd.get(), EPOLLIN,
                                       [this, &source](std::uint32_t) { read_source(source); });
        } else {
            loop.remove(*std::exchange(source.token, std::nullopt));
        }
    }
}

std::optional<Read> OutputHub::Impl::read_once(Source& source) {
    const size_t wanted =
        log != nullptr ? log->good_read_bytes(source.stream, buffer.size()) : buffer.size();
    const long count = raw::read(source.fd.get(), buffer.data(), wanted);
    if (count == -EINTR) return Read{0, true};
    if (count == -EAGAIN) return std::nullopt;
    if (count <= 0) {
        source.quiet = true;
        if (source.is_terminal) {
            retry_terminal();  // EIO: no process has the other side open; one may come (pty(7))
        } else {
            if (source.token) loop.remove(*std::exchange(source.token, std::nullopt));
            source.fd.reset();
        }
        return std::nullopt;
    }
    const auto size = static_cast<size_t>(count);
    deliver(source.stream, {buffer.data(), size});
    source.since_tick += size;
    return Read{size, size == wanted};
}

void OutputHub::Impl::read_source(Source& source) {
    if (source.since_tick > kFloodBytes && !source.big) resize_pipe(source, true);
    for (int reads = 0; reads < kMaxReadsInTurn && !is_blocked(); ++reads) {
        const std::optional<Read> read = read_once(source);
        if (!read || !read->plenty) break;  // nearly empty: let it fill
    }
    update_sources();
}

void OutputHub::Impl::resize_pipe(Source& source, bool big) {
    if (source.is_terminal || !source.fd) return;
    // EPERM: the user has too much in pipes already; EBUSY: there is more in it. Both are fine.
    (void)raw::fcntl(source.fd.get(), F_SETPIPE_SZ, big ? kBigPipeBytes : kUsualPipeBytes);
    source.big = big;
}

void OutputHub::Impl::deliver(LogStream stream, std::string_view bytes) {
    if (log != nullptr) log->append(stream, bytes, base::now());
    arm_tick();
    if (clients.empty() && callers.empty()) return;
    delivering = true;
    for (OutputClient& client : clients) client.put(stream, bytes);
    for (CallerEnd& caller : callers) caller.put(stream, bytes);
    delivering = false;
    sweep();
}

void OutputHub::Impl::arm_tick() {
    active_since_tick = true;
    if (!tick && !finished) tick = loop.add_timer(kTick, kOnce, [this] { on_tick(); });
}

void OutputHub::Impl::on_tick() {
    tick.reset();
    if (log != nullptr) log->flush_partial(base::now());
    for (Source& source : sources) source.since_tick = 0;
    if (std::exchange(active_since_tick, false)) {
        tick = loop.add_timer(kTick, kOnce, [this] { on_tick(); });
        return;
    }
    buffer.release();
    if (log != nullptr) log->release_memory();
    for (Source& source : sources) {
        if (source.big) resize_pipe(source, false);
    }
}

void OutputHub::Impl::retry_terminal() {
    if (finished || retry) return;
    retry = loop.add_timer(kReopenPoll, kOnce, [this] {
        retry.reset();
        for (Source& source : sources) source.quiet = false;
        update_sources();
    });
}

// Somebody took what was held back, or is gone.
void OutputHub::Impl::on_change() {
    if (delivering) return;
    sweep();
    update_sources();
    check_drained();
}

void OutputHub::Impl::sweep() {
    clients.remove_if([](const OutputClient& client) { return client.is_closed(); });
    const size_t removed =
        callers.remove_if([](const CallerEnd& caller) { return caller.is_closed(); });
    if (removed > 0) {
        if (const auto lost = std::exchange(caller_lost, nullptr)) lost();
    }
}

void OutputHub::Impl::on_room() {
    for (OutputClient& client : clients) client.update_watch();
}

void OutputHub::Impl::watch_stuck_clients() {
    stuck = loop.add_timer(kStuckAfter, kStuckAfter, [this] {
        std::vector<std::uint64_t> before = std::exchange(passed, {});
        for (auto client = clients.begin(); client != clients.end();) {
            const std::uint64_t now = client->passed_bytes();
            if (std::find(before.begin(), before.end(), now) != before.end()) {
                client = clients.erase(client);
            } else {
                passed.push_back(now);
                ++client;
            }
        }
        check_drained();
    });
    for (const OutputClient& client : clients) passed.push_back(client.passed_bytes());
}

void OutputHub::Impl::hurry() {
    if (!finished || deadline) return;
    constexpr std::chrono::nanoseconds kAtOnce{1};
    const std::chrono::nanoseconds left =
        finished_at + kHurriedEnd - std::chrono::steady_clock::now();
    deadline = loop.add_timer(std::max(left, kAtOnce), kOnce, [this] {
        deadline.reset();
        clients.clear();
        check_drained();
    });
}

void OutputHub::Impl::check_drained() {
    if (!finished) return;
    clients.remove_if([](const OutputClient& client) { return !client.is_blocked(); });
    if (is_blocked()) return;
    callers.clear();
    if (const auto done = std::exchange(drained, nullptr)) done();  // may destroy us
}

OutputHub::OutputHub(base::PollLoop& loop, store::LogWriter* log, OutputEnds ends)
    : impl_(std::make_unique<Impl>(loop, log, std::move(ends))) {}
OutputHub::~OutputHub() = default;

bool OutputHub::tty() const noexcept {
    return impl_->is_tty;
}

size_t OutputHub::client_count() const noexcept {
    return impl_->clients.size();
}

void OutputHub::resize(const winsize& size) {
    if (!impl_->is_tty) return;
    for (const Source& source : impl_->sources) {
        (void)raw::ioctl(source.fd.get(), TIOCSWINSZ, raw::ptr(&size));
    }
}

base::UniqueFd OutputHub::attach(const AttachWish& wish) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw base::SysError(errno, "make a socket for an attached client");
    }
    base::UniqueFd theirs(ends[0]);
    base::UniqueFd ours(ends[1]);
    Impl& impl = *impl_;
    if (impl.finished) return theirs;  // reads the end of file at once
    OutputClient::Events events;
    events.changed = [&impl] { impl.on_change(); };
    events.wants_input = [&impl] { return impl.input->has_room(); };
    events.input = [&impl](std::string_view bytes) { impl.input->put(bytes); };
    events.input_end = [&impl](bool hung_up) {
        if (impl.stdin_once) impl.input->end(!hung_up);
    };
    AttachWish granted = wish;
    granted.in = wish.in && impl.interactive;
    impl.clients.emplace_back(impl.loop, std::move(ours), granted, !impl.is_tty, std::move(events));
    return theirs;
}

void OutputHub::tee(int stdout_fd, int stderr_fd, std::function<void()> lost) {
    Impl& impl = *impl_;
    impl.caller_lost = std::move(lost);
    const auto changed = [&impl] { impl.on_change(); };
    if (stdout_fd >= 0) impl.callers.emplace_back(impl.loop, stdout_fd, LogStream::out, changed);
    if (stderr_fd >= 0) impl.callers.emplace_back(impl.loop, stderr_fd, LogStream::err, changed);
}

void OutputHub::hurry() {
    impl_->hurry();
}

void OutputHub::finish(const std::function<void()>& logged, std::function<void()> drained) {
    Impl& impl = *impl_;
    impl.finished = true;
    impl.finished_at = std::chrono::steady_clock::now();
    impl.caller_lost = nullptr;
    std::uint64_t left = kMostAtTheEnd;
    for (Source& source : impl.sources) {
        while (source.fd && left > 0) {
            const std::optional<Read> read = impl.read_once(source);
            if (!read) break;
            left -= std::min<std::uint64_t>(left, read->bytes);
        }
    }
    impl.update_sources();
    if (impl.log != nullptr) impl.log->flush_partial(base::now());
    impl.log = nullptr;
    if (logged) logged();
    impl.drained = drained ? std::move(drained) : [] {};
    impl.watch_stuck_clients();
    impl.check_drained();
}

}  // namespace sandbox::engine
