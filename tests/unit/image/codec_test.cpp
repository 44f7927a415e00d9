#include "image/codec.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

using namespace sandbox;
using image::Codec;
using image::Compression;

namespace {

std::string unbase64(std::string_view text) {
    return *base::try_base64_decode(text);
}

// "hello layer\n", packed by gzip, zstd and xz.
const std::string kGzip = unbase64("H4sIAAAAAAACA8tIzcnJV8hJrEwt4gIATX5hvQwAAAA=");
const std::string kZstd = unbase64("KLUv/QBYYQAAaGVsbG8gbGF5ZXIK");

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

// Feeds `piece` bytes at a time into an output of `room` bytes.
std::string decode(Codec& codec, std::string_view packed, size_t piece, size_t room) {
    std::string plain;
    std::string held;
    size_t fed = 0;
    for (int turn = 0; turn < 100'000; ++turn) {
        const size_t more = std::min(piece, packed.size() - fed);
        if (held.empty()) {
            held = packed.substr(fed, more);
            fed += more;
        }
        std::string output(room, '\0');
        const auto state = fed == packed.size() ? Codec::Input::last : Codec::Input::more;
        const Codec::Step step =
            codec.step(bytes_of(held), state, std::as_writable_bytes(std::span(output)));
        held.erase(0, step.consumed);
        plain += output.substr(0, step.produced);
        if (step.ended) return plain;
    }
    throw base::Error("the codec makes no progress");
}

}  // namespace

TEST_CASE("a blob's compression is told by its first bytes") {
    CHECK(image::detect_compression(bytes_of(kGzip)) == Compression::gzip);
    CHECK(image::detect_compression(bytes_of(kZstd)) == Compression::zstd);
    CHECK(image::detect_compression(bytes_of("\x50\x2a\x4d\x18")) == Compression::zstd);
    CHECK(image::detect_compression(bytes_of(std::string_view("\xfd"
                                                              "7zXZ\0",
                                                              6))) == Compression::xz);
    CHECK(image::detect_compression(bytes_of("usr/bin/")) == Compression::plain);
    CHECK(image::detect_compression({}) == Compression::plain);
}

TEST_CASE("every codec answers the same whatever the sizes of its pieces") {
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{1000}})
        for (const size_t room : {size_t{1}, size_t{5}, size_t{4096}}) {
            CHECK(decode(*image::make_gzip_codec(), kGzip, piece, room) == "hello layer\n");
            CHECK(decode(*image::make_zlib_codec(), kGzip, piece, room) == "hello layer\n");
            CHECK(decode(*image::make_zstd_codec(), kZstd, piece, room) == "hello layer\n");
            CHECK(decode(*image::make_codec(Compression::plain), "plain", piece, room) == "plain");
        }
}

TEST_CASE("gzip members that follow each other are one stream") {
    for (auto make : {image::make_gzip_codec, image::make_zlib_codec}) {
        CHECK(decode(*make(), kGzip + kGzip + kGzip, 3, 5) ==
              "hello layer\nhello layer\nhello layer\n");
    }
    CHECK(decode(*image::make_zstd_codec(), kZstd + kZstd, 4, 9) == "hello layer\nhello layer\n");
}

TEST_CASE("what is cut, flipped or followed by garbage is refused") {
    for (auto make : {image::make_gzip_codec, image::make_zlib_codec}) {
        CHECK_THROWS_AS(decode(*make(), kGzip.substr(0, 20), 4, 64), base::IntegrityError);
        CHECK_THROWS_AS(decode(*make(), kGzip + "garbage", 4, 64), base::IntegrityError);
        std::string flipped = kGzip;
        flipped[flipped.size() - 6] ^= 1;
        CHECK_THROWS_AS(decode(*make(), flipped, 64, 64), base::IntegrityError);
    }
    CHECK_THROWS_AS(decode(*image::make_zstd_codec(), kZstd.substr(0, 12), 4, 64),
                    base::IntegrityError);
    CHECK_THROWS_AS(decode(*image::make_zstd_codec(), kZstd + "x", 4, 64), base::IntegrityError);
    CHECK_THROWS_AS(decode(*image::make_xz_codec(), kGzip, 4, 64), base::IntegrityError);
}
