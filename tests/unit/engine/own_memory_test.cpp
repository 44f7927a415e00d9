#include "engine/own_memory.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace sandbox;

}  // namespace

TEST_CASE("the heap and anonymous memory may go, the stack and what belongs to files may not") {
    const auto ranges = engine::parse_heap_ranges(
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

TEST_CASE("the program goes on after its pages were given back") {
    CHECK_FALSE(engine::program_ranges().empty());
    engine::shrink_own_memory();
    CHECK_FALSE(engine::program_ranges().empty());
}
