#include "net/event_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sandbox/base/error.hpp"

namespace sandbox::net {
namespace {

constexpr std::chrono::milliseconds kTick{250};
constexpr std::chrono::milliseconds kQuiet{500};

// One connection that cannot be had for want of descriptors, memory or watches
// (/proc/sys/fs/epoll/max_user_watches) is closed on the way out; the others go on.
template <typename F>
bool survive(F&& action) {
    try {
        action();
        return true;
    } catch (const base::SysError& error) {
        if (!is_short_of_resources(error.errnum()) && error.errnum() != ENOSPC) throw;
        return false;
    }
}

}  // namespace

bool is_short_of_resources(int errnum) noexcept {
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

EventLoop::EventLoop() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) throw base::SysError(errno, "create an epoll descriptor");
    epoll_.reset(fd);
}

void EventLoop::watch(int fd, std::uint32_t events, Watcher& watcher) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &watcher;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        throw base::SysError(errno, "watch a descriptor");
    }
}

void EventLoop::forget(int fd, Watcher& watcher) noexcept {
    // Fails only for what was closed already, which epoll has forgotten by itself.
    if (fd >= 0) (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    for (int i = 0; i < count_; ++i) {
        epoll_event& event = events_[static_cast<size_t>(i)];
        if (event.data.ptr == &watcher) event.data.ptr = nullptr;
    }
    std::erase_if(paused_, [&](const Paused& each) { return each.watcher == &watcher; });
    std::replace(again_.begin(), again_.end(), &watcher, static_cast<Watcher*>(nullptr));
}

void EventLoop::pause(int fd, std::uint32_t events, Watcher& watcher) {
    forget(fd, watcher);
    paused_.push_back({fd, events, &watcher});
    want_ticks();
}

void EventLoop::call_again(Watcher& watcher) {
    if (std::find(again_.begin(), again_.end(), &watcher) == again_.end()) {
        again_.push_back(&watcher);
    }
}

void EventLoop::on_tick(std::function<bool(Clock::time_point)> tick) {
    ticks_.push_back(std::move(tick));
}

void EventLoop::tick_when_due() {
    if (!ticking_) return;
    const auto now = Clock::now();
    if (now < next_tick_) return;
    next_tick_ = now + kTick;
    ticking_ = false;
    for (const Paused& each : std::exchange(paused_, {})) {
        if (!survive([&] { watch(each.fd, each.events, *each.watcher); })) paused_.push_back(each);
    }
    for (const auto& tick : ticks_) {
        bool again = true;
        (void)survive([&] { again = tick(now); });
        if (again) ticking_ = true;
    }
    if (!paused_.empty()) ticking_ = true;
}

// A helper for which there is nothing to do for a while gives its memory back before it waits on.
int EventLoop::wait() noexcept {
    const auto most = static_cast<int>(events_.size());
    const bool may_rest = !ticking_ && again_.empty();
    if (may_rest && std::exchange(resting_, false)) {
        return idle_.wait(epoll_.get(), events_.data(), most);
    }
    const auto limit = may_rest ? kQuiet : again_.empty() ? kTick : std::chrono::milliseconds{0};
    const int count =
        ::epoll_wait(epoll_.get(), events_.data(), most, static_cast<int>(limit.count()));
    if (count < 0) return -errno;
    resting_ = may_rest && count == 0;
    return count;
}

void EventLoop::run() {
    while (!stopped_) {
        count_ = wait();
        if (count_ < 0 && count_ != -EINTR) throw base::SysError(-count_, "wait for events");
        for (int i = 0; i < count_; ++i) {
            const epoll_event event = events_[static_cast<size_t>(i)];
            if (event.data.ptr == nullptr) continue;
            Watcher& watcher = *static_cast<Watcher*>(event.data.ptr);
            (void)survive([&] { watcher.on_events(event.events); });
        }
        count_ = 0;
        // Only those of before this round: who asks again waits for the next.
        const size_t asked = again_.size();
        for (size_t i = 0; i < asked; ++i) {
            Watcher* watcher = again_[i];
            again_[i] = nullptr;
            if (watcher != nullptr) (void)survive([&] { watcher->on_events(0); });
        }
        again_.erase(again_.begin(), again_.begin() + static_cast<long>(asked));
        tick_when_due();
    }
}

}  // namespace sandbox::net
