#include "engine/container_process.hpp"

#include <catch2/catch.hpp>

using sandbox::engine::try_lock_holder;

namespace {

constexpr std::string_view kLocks =
    "1: POSIX  ADVISORY  WRITE 100 00:2a:1234 0 EOF\n"
    "2: FLOCK  ADVISORY  WRITE 200 00:2a:1234 0 EOF\n"
    "2: -> FLOCK  ADVISORY  WRITE 300 00:2a:1234 0 EOF\n"
    "3: FLOCK  ADVISORY  READ  400 fe:01:99 0 EOF\n"
    "garbage\n"
    "4: OFDLCK ADVISORY  READ  -1 00:06:1234 0 EOF\n";

}  // namespace

TEST_CASE("the holder of a container's lock is the one that has it, not the one that waits") {
    CHECK(try_lock_holder(kLocks, 0, 0x2a, 1234) == 200);
    CHECK(try_lock_holder(kLocks, 0xfe, 1, 99) == 400);
    CHECK_FALSE(try_lock_holder(kLocks, 0, 0x2a, 1));
    CHECK_FALSE(try_lock_holder("", 0, 0x2a, 1234));
}

TEST_CASE("a file system that shows another device number is found by the inode") {
    CHECK(try_lock_holder(kLocks, 0, 0x77, 99) == 400);
}
