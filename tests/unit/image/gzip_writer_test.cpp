#include "image/gzip_writer.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "image/codec.hpp"

using namespace sandbox::image;

namespace {

using Make = std::unique_ptr<GzipWriter> (*)(GzipWriter::Sink);

std::string compress(Make make, const std::string& plain, size_t piece) {
    std::string blob;
    const auto writer = make([&](std::span<const std::byte> bytes) {
        blob.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    for (size_t at = 0; at < plain.size(); at += piece) {
        writer->write(
            std::as_bytes(std::span(plain).subspan(at, std::min(piece, plain.size() - at))));
    }
    writer->finish();
    return blob;
}

std::string decompress(const std::string& blob) {
    const auto codec = make_zlib_codec();
    std::string plain;
    std::vector<std::byte> out(64u << 10);
    auto input = std::as_bytes(std::span(blob));
    for (;;) {
        const Codec::Step step = codec->step(input, Codec::Input::last, out);
        plain.append(reinterpret_cast<const char*>(out.data()), step.produced);
        input = input.subspan(step.consumed);
        if (step.ended) return plain;
    }
}

}  // namespace

TEST_CASE("what is compressed comes back, whatever the pieces, and is the same each time") {
    const Make make = GENERATE(Make{&make_gzip_writer}, Make{&make_zlib_writer});
    const size_t size = GENERATE(0u, 1u, 512u, 65'536u, 3'000'001u);
    std::string plain;
    unsigned state = 7;
    while (plain.size() < size) {
        state = state * 1664525 + 1013904223;
        plain += state % 3 == 0 ? std::string(state >> 28, 'a')
                                : std::string(1, static_cast<char>(state >> 24));
    }
    plain.resize(size);
    const std::string blob = compress(make, plain, 262'144);
    CHECK(decompress(blob) == plain);
    CHECK(detect_compression(std::as_bytes(std::span(blob))) == Compression::gzip);
    CHECK(compress(make, plain, 262'144) == blob);
    if (size > 0) CHECK(decompress(compress(make, plain, 1000)) == plain);
}
