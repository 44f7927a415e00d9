// Theory. A packet socket on the first port sees each frame as the bridge does, before it decides;
// a filter leaves those for the other station's address that came in there. With the virtio header
// in front, a segment of 64 KiB and its unfinished checksum go through unchanged: packet(7).
// Each way has one delay, so that its queue is in the order of time.
#include "net/delay_line.hpp"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <deque>

#include "net/bytes.hpp"
#include "net/confine.hpp"
#include "net/event_loop.hpp"
#include "net/namespace_entry.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::net {
namespace {

namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;

constexpr size_t kMostWays = 200;
// struct virtio_net_hdr, whose header is not for C++.
constexpr size_t kVirtioBytes = 10;
constexpr size_t kFrameBytes = kVirtioBytes + ETH_HLEN + 4 + 65536;
// What a way may hold; beyond it packets are lost, as in any queue.
constexpr size_t kMostHeldBytes = 64 * 1024 * 1024;
constexpr std::uint32_t kMillion = 1'000'000;

sock_filter step(unsigned code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
    return {static_cast<std::uint16_t>(code), yes, no, k};
}

// Came in here, for that station, of IPv4 or IPv6, no neighbour discovery (which always passes).
std::vector<sock_filter> frame_filter(const MacAddress& to) {
    constexpr unsigned kWord = BPF_LD | BPF_W | BPF_ABS, kHalf = BPF_LD | BPF_H | BPF_ABS;
    constexpr unsigned kByte = BPF_LD | BPF_B | BPF_ABS, kEqual = BPF_JMP | BPF_JEQ | BPF_K;
    constexpr unsigned kFrom = BPF_JMP | BPF_JGE | BPF_K, kAbove = BPF_JMP | BPF_JGT | BPF_K;
    constexpr auto kPacketType = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE);
    const auto high = static_cast<std::uint32_t>(to[0]) << 24 |
                      static_cast<std::uint32_t>(to[1]) << 16 |
                      static_cast<std::uint32_t>(to[2]) << 8 | to[3];
    const auto low = static_cast<std::uint32_t>(to[4]) << 8 | to[5];
    return {
        step(kByte, kPacketType),
        step(kEqual, PACKET_OUTGOING, 13, 0),
        step(kWord, 0),
        step(kEqual, high, 0, 11),
        step(kHalf, 4),
        step(kEqual, low, 0, 9),
        step(kHalf, 12),
        step(kEqual, ETH_P_IP, 6, 0),
        step(kEqual, ETH_P_IPV6, 0, 6),
        step(kByte, ETH_HLEN + 6),
        step(kEqual, IPPROTO_ICMPV6, 0, 3),
        step(kByte, ETH_HLEN + 40),
        step(kFrom, 135, 0, 1),
        step(kAbove, 136, 0, 1),
        step(BPF_RET | BPF_K, 0x40000),
        step(BPF_RET | BPF_K, 0),
    };
}

void set_option(const UniqueFd& fd, int level, int option, const void* value, size_t size) {
    if (::setsockopt(fd.get(), level, option, value, static_cast<socklen_t>(size)) != 0) {
        throw SysError(errno, "set an option of a packet socket");
    }
}

UniqueFd open_packet_socket() {
    UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) throw SysError(errno, "make a packet socket");
    const int on = 1;
    set_option(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on);
    return fd;
}

UniqueFd open_tap(const DelayLine::Way& way) {
    UniqueFd fd = open_packet_socket();
    std::vector<sock_filter> filter = frame_filter(way.to_mac);
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    set_option(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    const int bytes = 4 * 1024 * 1024;  // as much of it as the host allows
    set_option(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(ETH_P_ALL);
    at.sll_ifindex = way.from_index;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
        throw SysError(errno, "bind a packet socket");
    }
    return fd;
}

// The process's own: one way with what is on it.
class Line {
  public:
    Line(const DelayLine::Way& way, int tap_fd, int out_fd)
        : way_(way), tap_fd_(tap_fd), out_fd_(out_fd) {}
    [[nodiscard]] int tap_fd() const noexcept { return tap_fd_; }

    void take_all(Bytes& buffer) {
        for (;;) {
            const ssize_t got = ::recv(tap_fd_, buffer.data(), buffer.size(), MSG_TRUNC);
            if (got < 0) return;  // nothing more, or the link is gone, which the holder hears
            const auto size = static_cast<size_t>(got);
            if (size > buffer.size() || held_bytes_ + size > kMostHeldBytes || is_lost()) continue;
            held_bytes_ += size;
            held_.push_back(
                {Clock::now() + way_.delay, Bytes(buffer.begin(), buffer.begin() + got)});
        }
    }
    // Sends what is due; when the next one is.
    std::optional<Clock::time_point> send_due(Clock::time_point now) {
        while (!held_.empty() && held_.front().due <= now) {
            const Bytes& frame = held_.front().bytes;
            sockaddr_ll to{};
            to.sll_family = AF_PACKET;
            to.sll_ifindex = way_.to_index;
            (void)::sendto(out_fd_, frame.data(), frame.size(), 0,
                           reinterpret_cast<const sockaddr*>(&to), sizeof to);  // or lost
            held_bytes_ -= frame.size();
            held_.pop_front();
        }
        if (held_.empty()) return std::nullopt;
        return held_.front().due;
    }

  private:
    struct Held {
        Clock::time_point due;
        Bytes bytes;
    };
    [[nodiscard]] bool is_lost() const noexcept {
        if (way_.drop_ppm == 0) return false;
        std::uint32_t chance = 0;
        (void)!::getrandom(&chance, sizeof chance, 0);  // never short for four bytes
        return chance % kMillion < way_.drop_ppm;
    }
    DelayLine::Way way_;
    int tap_fd_, out_fd_;
    std::deque<Held> held_;
    size_t held_bytes_ = 0;
};

void run_lines(std::vector<Line>& lines, int epoll_fd) {
    Bytes buffer(kFrameBytes);
    std::array<epoll_event, 64> events{};
    for (;;) {
        const auto now = Clock::now();
        std::optional<Clock::time_point> next;
        for (Line& line : lines) {
            const auto due = line.send_due(now);
            if (due && (!next || *due < *next)) next = due;
        }
        int timeout = -1;
        if (next) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
            timeout = static_cast<int>(std::clamp<long>(left.count(), 0, 60'000));
        }
        const int count = ::epoll_wait(epoll_fd, events.data(), events.size(), timeout);
        for (int i = 0; i < count; ++i) {
            lines[events[static_cast<size_t>(i)].data.u32].take_all(buffer);
        }
    }
}

[[noreturn]] void run_process(const std::vector<DelayLine::Way>& ways, const Descriptors& fds) {
    try {
        sigset_t all;
        ::sigfillset(&all);
        (void)::sigprocmask(SIG_BLOCK, &all, nullptr);  // cannot fail
        const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
        std::vector<int> kept{epoll.get()};
        std::vector<Line> lines;
        for (size_t i = 0; i < ways.size(); ++i) {
            lines.emplace_back(ways[i], fds[i].get(), fds.back().get());
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u32 = static_cast<std::uint32_t>(i);
            (void)::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fds[i].get(), &event);
        }
        for (const UniqueFd& fd : fds) kept.push_back(fd.get());
        keep_descriptors(std::move(kept));
        (void)raw::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>("sandbox-delay"));
        empty_root();
        // Afterwards, since new credentials clear it: prctl(2).
        (void)raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
        confine_helper();
        run_lines(lines, epoll.get());
    } catch (const std::exception&) {
        // Its packets are lost; the next change of faults tries again.
    }
    raw::exit_group(1);
}

}  // namespace

DelayLine DelayLine::start(const std::vector<Way>& ways) {
    DelayLine line;
    line.ways_ = ways;
    if (ways.empty()) return line;
    if (ways.size() > kMostWays) {
        throw base::Error("more than 100 delayed pairs of one network", "clear some");
    }
    const Descriptors fds = make_inside(ways.front().netns_fd, [&ways] {
        Descriptors made;
        for (const Way& way : ways) made.push_back(open_tap(way));
        made.push_back(open_packet_socket());
        return made;
    });
    line.process_ = kernel::ChildProcess::clone(0);
    if (line.process_.is_child()) run_process(ways, fds);
    return line;
}

bool DelayLine::serves(const std::vector<Way>& ways) {
    return ways == ways_ && (ways.empty() || !process_.try_wait());
}

}  // namespace sandbox::net
