#include "sandbox/base/sha256.hpp"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "unit/base/scratch_dir.hpp"

using namespace sandbox::base;

TEST_CASE("known texts have their known sums") {
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256_hex(std::string(1'000'000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a sum does not depend on how the data is cut") {
    Sha256 pieces;
    for (int i = 0; i < 1000; ++i)
        pieces.update(std::string(static_cast<size_t>(i), 'x').data(), static_cast<size_t>(i));
    CHECK(pieces.finish_hex() == sha256_hex(std::string(499'500, 'x')));
}

TEST_CASE("a file is hashed from its start, whatever its offset") {
    const sandbox::test::ScratchDir dir;
    const std::string content(1'000'000, 'a');
    const UniqueFd fd = open_at(dir.fd(), "file", O_RDWR | O_CREAT, 0600);
    write_all(fd.get(), content);
    CHECK(sha256_hex_of_fd(fd.get()) == sha256_hex(content));
    CHECK_THROWS_AS(sha256_hex_of_fd(-1), SysError);
}
