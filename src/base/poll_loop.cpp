#include "sandbox/base/poll_loop.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/idle_memory.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::base {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

timespec to_timespec(std::chrono::nanoseconds time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    return {static_cast<time_t>(seconds.count()), static_cast<long>((time - seconds).count())};
}

// What epoll_wait may wait at most; rounded up, so that a deadline is really over afterwards.
int remaining_ms(const std::optional<Clock::time_point>& deadline) {
    if (!deadline) return -1;
    const auto left = std::chrono::ceil<milliseconds>(*deadline - Clock::now());
    constexpr milliseconds kMost{24 * 3600 * 1000};
    return static_cast<int>(std::clamp(left, milliseconds{0}, kMost).count());
}

}  // namespace

struct PollLoop::Impl {
    struct Entry {
        int fd = -1;
        UniqueFd owned;  // timers and signals
        std::function<void(std::uint32_t)> handler;
        bool watched = true;             // false: epoll refuses it, so that it is always ready
        std::uint32_t always_ready = 0;  // what is reported then
    };

    UniqueFd epoll;
    // Shared: a handler may remove its own entry and still be running.
    std::unordered_map<Token, std::shared_ptr<Entry>> entries;
    std::vector<Token> unwatched;
    Token next_token = 1;
    std::optional<sigset_t> former_mask;
    bool stopped = false;
    // What a process does that saves memory.
    std::optional<IdleWait> idle;
    milliseconds quiet{0};
    bool is_quiet = false;

    Token add(Entry entry, std::uint32_t events) {
        const Token token = next_token++;
        epoll_event event{};
        event.events = events;
        event.data.u64 = token;
        if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, entry.fd, &event) != 0) {
            if (errno != EPERM) throw SysError(errno, "watch a descriptor");
            entry.watched = false;
            entry.always_ready = events;
            unwatched.push_back(token);
        }
        entries.emplace(token, std::make_shared<Entry>(std::move(entry)));
        return token;
    }

    // The number of events, -errno.
    int wait(std::span<epoll_event> events, int timeout_ms) {
        const auto most = static_cast<int>(events.size());
        const bool watch_quiet = idle && timeout_ms < 0;
        if (watch_quiet && std::exchange(is_quiet, false)) {
            return idle->wait(epoll.get(), events.data(), most);
        }
        const int limit = watch_quiet ? static_cast<int>(quiet.count()) : timeout_ms;
        const int count = ::epoll_wait(epoll.get(), events.data(), most, limit);
        if (count < 0) return -errno;
        is_quiet = watch_quiet && count == 0;
        return count;
    }

    void dispatch(Token token, std::uint32_t events) {
        // An earlier handler of the same round may have removed it.
        const auto found = entries.find(token);
        if (found == entries.end()) return;
        const std::shared_ptr<Entry> entry = found->second;
        entry->handler(entry->watched ? events : entry->always_ready);
    }
};

PollLoop::PollLoop() : impl_(std::make_unique<Impl>()) {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) throw SysError(errno, "create an epoll descriptor");
    impl_->epoll.reset(fd);
}

PollLoop::~PollLoop() {
    if (impl_->former_mask) {
        (void)::pthread_sigmask(SIG_SETMASK, &*impl_->former_mask, nullptr);
    }
}

PollLoop::Token PollLoop::add_fd(int fd, std::uint32_t events,
                                 std::function<void(std::uint32_t)> handler) {
    return impl_->add(Impl::Entry{fd, {}, std::move(handler)}, events);
}

void PollLoop::modify_fd(Token token, std::uint32_t events) {
    const auto found = impl_->entries.find(token);
    if (found == impl_->entries.end()) return;
    if (!found->second->watched) {
        found->second->always_ready = events;
        return;
    }
    epoll_event event{};
    event.events = events;
    event.data.u64 = token;
    if (::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_MOD, found->second->fd, &event) != 0) {
        throw SysError(errno, "watch a descriptor");
    }
}

void PollLoop::on_signals(const std::vector<int>& signals,
                          std::function<void(const signalfd_siginfo&)> handler) {
    sigset_t wanted;
    ::sigemptyset(&wanted);
    for (const int signal : signals) ::sigaddset(&wanted, signal);
    sigset_t former;
    if (const int rc = ::pthread_sigmask(SIG_BLOCK, &wanted, &former); rc != 0) {
        throw SysError(rc, "block signals");
    }
    if (!impl_->former_mask) impl_->former_mask = former;

    const int fd = ::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) throw SysError(errno, "create a signal descriptor");
    UniqueFd owned(fd);
    auto read_all = [this, fd, handler = std::move(handler)](std::uint32_t) {
        signalfd_siginfo info{};
        while (!impl_->stopped && raw::read(fd, &info, sizeof info) == long{sizeof info}) {
            handler(info);
        }
    };
    (void)impl_->add(Impl::Entry{fd, std::move(owned), std::move(read_all)}, EPOLLIN);
}

PollLoop::Token PollLoop::add_timer(std::chrono::nanoseconds first,
                                    std::chrono::nanoseconds interval,
                                    std::function<void()> handler) {
    const int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) throw SysError(errno, "create a timer");
    UniqueFd owned(fd);
    // timerfd_create(2): a first expiration of zero would disarm it.
    const auto at_least = std::max(first, std::chrono::nanoseconds{1});
    const itimerspec when{to_timespec(interval), to_timespec(at_least)};
    if (::timerfd_settime(fd, 0, &when, nullptr) != 0) throw SysError(errno, "set a timer");

    const bool once = interval == std::chrono::nanoseconds{0};
    const Token token = impl_->next_token;
    auto expire = [this, fd, token, once, handler = std::move(handler)](std::uint32_t) {
        std::uint64_t expirations = 0;
        if (raw::read(fd, &expirations, sizeof expirations) <= 0) return;  // not yet
        if (once) remove(token);
        handler();
    };
    return impl_->add(Impl::Entry{fd, std::move(owned), std::move(expire)}, EPOLLIN);
}

void PollLoop::remove(Token token) {
    const auto found = impl_->entries.find(token);
    if (found == impl_->entries.end()) return;
    // Fails only for a descriptor that was closed already, which epoll has forgotten by itself.
    (void)::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, found->second->fd, nullptr);
    std::erase(impl_->unwatched, token);
    impl_->entries.erase(found);
}

void PollLoop::save_memory_after(std::chrono::milliseconds quiet) {
    impl_->idle.emplace();
    impl_->quiet = quiet;
}

void PollLoop::run() {
    while (!impl_->stopped) (void)run_once(milliseconds{-1});
    impl_->stopped = false;
}

bool PollLoop::run_once(milliseconds timeout) {
    const std::vector<Token> ready = impl_->unwatched;
    std::optional<Clock::time_point> deadline;
    if (!ready.empty()) timeout = milliseconds{0};
    if (timeout >= milliseconds{0}) deadline = Clock::now() + timeout;
    std::array<epoll_event, 32> events{};
    int count = 0;
    do {
        count = impl_->wait(events, remaining_ms(deadline));
    } while (count == -EINTR);
    if (count < 0) throw SysError(-count, "wait for events");
    // What a stop() leaves undone is reported again by the next call: epoll is level-triggered.
    for (int i = 0; i < count && !impl_->stopped; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        impl_->dispatch(event.data.u64, event.events);
    }
    for (size_t i = 0; i < ready.size() && !impl_->stopped; ++i) impl_->dispatch(ready[i], 0);
    return count > 0 || !ready.empty();
}

void PollLoop::stop() noexcept {
    impl_->stopped = true;
}

FdInterest::FdInterest(PollLoop& loop, int fd, std::uint32_t events, std::function<void()> handler)
    : loop_(loop), fd_(fd), events_(events), handler_(std::move(handler)) {}

FdInterest::~FdInterest() {
    set(false);
}

void FdInterest::set(bool wanted) {
    if (wanted == (token_ != 0)) return;
    if (wanted) {
        token_ = loop_.add_fd(fd_, events_, [this](std::uint32_t) { handler_(); });
    } else {
        loop_.remove(std::exchange(token_, 0));
    }
}

}  // namespace sandbox::base
