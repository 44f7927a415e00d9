#include "sandbox/oci/digest.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

using namespace sandbox;
using oci::ChainId;
using oci::DiffId;
using oci::Digest;

namespace {
const std::string kHex(64, 'a');
}

TEST_CASE("a sha256 digest is read and written back") {
    const Digest digest = Digest::parse("sha256:" + kHex);
    CHECK(digest.str() == "sha256:" + kHex);
    CHECK(digest.hex() == kHex);
    CHECK(digest.short_hex() == std::string(12, 'a'));
    CHECK(Digest::from_hex(kHex) == digest);
    CHECK(Digest::of("abc").hex() ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("whatever is not exactly a sha256 digest is refused") {
    for (const std::string& text : std::vector<std::string>{
             "", "sha256:", kHex, "sha256:" + std::string(63, 'a'),
             "sha256:" + std::string(65, 'a'), "sha256:" + std::string(64, 'A'), "SHA256:" + kHex,
             "md5:" + kHex, "sha512:" + kHex, "sha256:../../../../x",
             "sha256:" + std::string(63, 'a') + "/", "sha256:" + std::string(63, 'a') + "g",
             std::string("sha256:\0", 8), "sha256:" + std::string(63, 'a') + std::string(1, '\0'),
             " sha256:" + kHex, "sha256:" + kHex + "\n", "sha256-" + kHex}) {
        INFO(text);
        CHECK_THROWS_AS(Digest::parse(text), base::IntegrityError);
        CHECK_THROWS_WITH(Digest::parse(text), Catch::StartsWith("bad digest"));
    }
    CHECK_THROWS_AS(Digest::from_hex("sha256:" + kHex), base::IntegrityError);
}

TEST_CASE("a huge bad digest is not repeated whole in the message") {
    try {
        (void)Digest::parse(std::string(1 << 20, 'x'));
        FAIL("accepted");
    } catch (const base::IntegrityError& error) {
        CHECK(error.message().size() < 200);
    }
}

TEST_CASE("a chain id is the diff id at the bottom and a sum of both above") {
    const DiffId bottom{Digest::of("bottom")};
    const DiffId top{Digest::of("top")};
    const ChainId first = ChainId::make(nullptr, bottom);
    CHECK(first.digest == bottom.digest);
    const ChainId second = ChainId::make(&first, top);
    CHECK(second.digest == Digest::of(bottom.digest.str() + " " + top.digest.str()));
    CHECK(second != ChainId::make(nullptr, top));
}
