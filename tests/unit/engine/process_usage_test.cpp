#include "engine/process_usage.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>

namespace {

using namespace sandbox;

}  // namespace

TEST_CASE("what went over the interfaces is added up, the loopback left out") {
    const auto usage = engine::parse_net_dev(
        "Inter-|   Receive                            |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets errs\n"
        "    lo:    9000      4    0    0    0     0          0         0     9000       4    0\n"
        "  eth0:     440      4    0    0    0     0          0         0      806       9    0\n"
        "eth1:1000000000000 1 0 0 0 0 0 0 7 9 0\n"
        " bad: 1 2\n");
    CHECK(usage.received_bytes == 1000000000440);
    CHECK(usage.sent_bytes == 813);
    CHECK(engine::parse_net_dev("").received_bytes == 0);
}

TEST_CASE("times of a process whose name holds anything") {
    const auto times =
        engine::parse_proc_stat("7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 150 50 0 0 20 0 3 0 99 0 0", 100);
    CHECK(times.cpu_ns == 2'000'000'000);
    CHECK(times.threads == 3);
    CHECK(engine::parse_proc_stat("7 (a", 100).threads == 0);
}

TEST_CASE("memory of a process is what it does not share with the disk") {
    CHECK(engine::parse_proc_memory("VmRSS:\t 900 kB\nRssAnon:\t 100 kB\nRssFile:\t 700 kB\n"
                                    "RssShmem:\t 20 kB\n") == 120 * 1024);
}

TEST_CASE("a process that is gone has used no network") {
    CHECK(engine::network_usage_of(::getpid()));
    CHECK_FALSE(engine::network_usage_of(0));
}
