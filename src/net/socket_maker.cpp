#include "net/socket_maker.hpp"

#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <ctime>

#include "net/confine.hpp"
#include "net/inside_sockets.hpp"
#include "net/namespace_entry.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/idle_memory.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::net {
namespace {

namespace raw = base::raw;
using base::UniqueFd;

constexpr size_t kBatch = 32;
constexpr size_t kLow = 16;

Descriptors make_batch(int family) {
    Descriptors made;
    try {
        for (size_t i = 0; i < kBatch; ++i) made.push_back(open_transparent_stream(family));
    } catch (const base::SysError&) {
        // Out of descriptors, or no such family: what there is, perhaps nothing.
    }
    return made;
}

// Who is not asked for a while waits on with little memory.
void wait_for_request(int fd, const base::IdleWait& idle) noexcept {
    pollfd asked{fd, POLLIN, 0};
    timespec quiet{0, 500'000'000};
    if (raw::call(SYS_ppoll, raw::ptr(&asked), 1, raw::ptr(&quiet), 0, 0) == 0) {
        (void)idle.poll(&asked, 1);
    }
}

}  // namespace

[[noreturn]] void run_socket_maker(UniqueFd requests) {
    confine_socket_maker();
    const base::IdleWait idle;
    for (;;) {
        wait_for_request(requests.get(), idle);
        char family = 0;
        const long got = raw::read(requests.get(), &family, 1);
        if (got == -EINTR) continue;
        if (got != 1) raw::exit_group(0);
        const Descriptors made = make_batch(family == '6' ? AF_INET6 : AF_INET);
        std::vector<int> fds;
        for (const UniqueFd& fd : made) fds.push_back(fd.get());
        try {
            send_message(requests.get(), std::string(1, family), fds);
        } catch (const base::SysError&) {
            // Too many on their way (unix(7), ETOOMANYREFS): none this time, it asks again.
            send_message(requests.get(), std::string(1, family), {});
        }
    }
}

SocketStock::SocketStock(EventLoop& loop, int maker_fd, std::function<void()> on_arrival)
    : loop_(loop), maker_fd_(maker_fd), on_arrival_(std::move(on_arrival)) {
    loop_.watch(maker_fd_, EPOLLIN, *this);
}

SocketStock::~SocketStock() {
    loop_.forget(maker_fd_, *this);
}

UniqueFd SocketStock::take(int family) {
    Family& from = families_[family == AF_INET6 ? 1 : 0];
    UniqueFd taken;
    if (!from.stock.empty()) {
        taken = std::move(from.stock.front());
        from.stock.pop_front();
    }
    if (from.stock.size() < kLow) refill(from);
    return taken;
}

void SocketStock::refill(Family& family) {
    if (family.asked) return;
    const char request = family.family == AF_INET6 ? '6' : '4';
    family.asked = raw::write(maker_fd_, &request, 1) == 1;
}

void SocketStock::on_events(std::uint32_t) {
    Message got = receive_message(maker_fd_);
    if (got.tag() == '\0') throw base::Error("the maker of sockets is gone");
    Family& family = families_[got.tag() == '6' ? 1 : 0];
    family.asked = false;
    const bool arrived = family.stock.empty() && !got.fds.empty();
    for (UniqueFd& fd : got.fds) family.stock.push_back(std::move(fd));
    if (arrived) on_arrival_();
}

}  // namespace sandbox::net
