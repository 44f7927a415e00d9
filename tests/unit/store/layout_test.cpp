#include "sandbox/store/layout.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "temp_store.hpp"

namespace {

using namespace sandbox;
using Catch::Contains;

mode_t mode_of(const std::string& path) {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777;
}

}  // namespace

TEST_CASE("a new store is 0700 and says its version") {
    const test::TempStore temp;
    CHECK(mode_of(temp.root()) == 0700);
    CHECK(base::read_file(temp.path("version"), 64) == "1\n");
    CHECK(temp.store().blobs_fd() >= 0);
    CHECK(mode_of(temp.path("blobs/sha256")) == 0700);
}

TEST_CASE("a store that others can reach is refused") {
    const test::TempStore temp;
    REQUIRE(::chmod(temp.root().c_str(), 0755) == 0);
    CHECK_THROWS_WITH(store::Store::open_at(temp.root()), Contains("reached by other users"));
}

TEST_CASE("a store newer than the program is refused and left as it is") {
    const test::TempStore temp;
    const base::UniqueFd root = base::open_dir(temp.root());
    base::write_file_atomic(root.get(), "version", "2\n", 0600, base::Durability::volatile_data);
    CHECK_THROWS_WITH(store::Store::open_at(temp.root()), Contains("has version 2"));
    CHECK(base::read_file(temp.path("version"), 64) == "2\n");
}

TEST_CASE("an empty version file is written anew, garbage in it is an error") {
    const test::TempStore temp;
    const base::UniqueFd root = base::open_dir(temp.root());
    base::write_file_atomic(root.get(), "version", "", 0600, base::Durability::volatile_data);
    CHECK_NOTHROW(store::Store::open_at(temp.root()));
    CHECK(base::read_file(temp.path("version"), 64) == "1\n");
    base::write_file_atomic(root.get(), "version", "\x7f\x45", 0600,
                            base::Durability::volatile_data);
    CHECK_THROWS_WITH(store::Store::open_at(temp.root()), Contains("unreadable version file"));
}

TEST_CASE("a store on a file system without our needs is refused by name") {
    CHECK_THROWS_WITH(store::Store::open_at("/proc/self"), Contains("store \"/proc/self\""));
    CHECK_THROWS_AS(store::Store::open_at("relative"), base::UsageError);
}
