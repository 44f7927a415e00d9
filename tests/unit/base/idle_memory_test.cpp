#include "sandbox/base/idle_memory.hpp"

#include <sys/eventfd.h>

#include <array>

#include <catch2/catch.hpp>

#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace {

using namespace sandbox;
using std::chrono::milliseconds;

}  // namespace

TEST_CASE("a wait with little memory answers the events that an ordinary one does") {
    const base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    const base::UniqueFd event(::eventfd(1, EFD_CLOEXEC));
    epoll_event wish{};
    wish.events = EPOLLIN;
    wish.data.u64 = 4711;
    REQUIRE(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, event.get(), &wish) == 0);
    std::array<epoll_event, 4> events{};
    const base::IdleWait idle;
    REQUIRE(idle.wait(epoll.get(), events.data(), 4) == 1);
    CHECK(events[0].data.u64 == 4711);
    CHECK(idle.wait(-1, events.data(), 4) == -EBADF);
    pollfd look{event.get(), POLLIN, 0};
    CHECK(idle.poll(&look, 1) == 1);
    CHECK(look.revents == POLLIN);
    CHECK_FALSE(base::program_ranges().empty());
}

TEST_CASE("what is free on the stack is given back, what is in use stays") {
    volatile char used[64] = "in use";
    {
        volatile char free_later[64u << 10];
        for (volatile char& byte : free_later) byte = 'x';
    }
    base::drop_unused_stack();
    CHECK(used[0] == 'i');
    CHECK(used[5] == 'e');
}

TEST_CASE("a loop that saves memory serves what comes before and after it was quiet") {
    base::PollLoop loop;
    loop.save_memory_after(milliseconds{1});
    int served = 0;
    const auto timer = loop.add_timer(milliseconds{30}, milliseconds{30}, [&] {
        if (++served == 3) loop.stop();
    });
    loop.run();
    CHECK(served == 3);
    loop.remove(timer);
    // A wait with a limit ends at it.
    CHECK_FALSE(loop.run_once(milliseconds{2}));
}

TEST_CASE("the heap and anonymous memory may go, the stack and what belongs to files may not") {
    const auto ranges = base::parse_heap_ranges(
        "00400000-00401000 r--p 00000000 fe:01 77   /usr/bin/sandbox\n"
        "00401000-00a00000 r-xp 00001000 fe:01 77   /usr/bin/sandbox\n"
        "00a00000-00a10000 rw-p 00a00000 fe:01 77   /usr/bin/sandbox\n"
        "01a5b000-01b00000 rw-p 00000000 00:00 0    [heap]\n"
        "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
        "7f0000021000-7f0004000000 ---p 00000000 00:00 0 \n"
        "7f1000000000-7f1000001000 rw-s 00000000 00:01 9 /memfd:x (deleted)\n"
        "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0    [stack]\n"
        "7ffc00100000-7ffc00102000 r-xp 00000000 00:00 0    [vdso]\n"
        "garbage\n");
    REQUIRE(ranges.size() == 2);
    CHECK(ranges[0].begin == 0x01a5b000);
    CHECK(ranges[0].end == 0x01b00000);
    CHECK(ranges[1].begin == 0x7f0000000000);
}
