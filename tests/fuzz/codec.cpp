// Compressed layer blobs. The first byte chooses the sizes of the pieces that go in and come out.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "image/codec.hpp"
#include "sandbox/base/error.hpp"

namespace {

using namespace sandbox;
using image::Codec;

struct Result {
    std::string plain;
    bool ended = false;
};

Result decode(Codec& codec, std::span<const std::byte> packed, std::size_t piece,
              std::size_t room) {
    constexpr std::size_t kMostBytes = 1u << 20;
    Result result;
    std::vector<std::byte> output(room);
    std::size_t begin = 0;
    std::size_t end = 0;
    unsigned idle = 0;
    try {
        while (!result.ended && result.plain.size() < kMostBytes) {
            if (begin == end) end = std::min(packed.size(), end + piece);
            const auto state = end == packed.size() ? Codec::Input::last : Codec::Input::more;
            const Codec::Step step = codec.step(packed.subspan(begin, end - begin), state, output);
            if (step.consumed > end - begin || step.produced > room) std::abort();
            begin += step.consumed;
            result.plain.append(reinterpret_cast<const char*>(output.data()), step.produced);
            result.ended = step.ended;
            if (step.ended && begin != packed.size()) std::abort();
            idle = step.consumed + step.produced == 0 ? idle + 1 : 0;
            if (idle > 4) std::abort();  // it would never end
        }
    } catch (const base::IntegrityError&) {
    }
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    if (size_bytes == 0) return 0;
    const auto packed = std::as_bytes(std::span(data, size_bytes)).subspan(1);
    const std::size_t piece = 1 + (data[0] & 15u) * 17;
    const std::size_t room = 64 + (data[0] >> 4) * 1000u;
    const image::Compression kind = image::detect_compression(packed);
    const Result cut = decode(*image::make_codec(kind), packed, piece, room);
    const Result whole = decode(*image::make_codec(kind), packed, packed.size(), 1u << 16);
    if (cut.ended && whole.ended && cut.plain != whole.plain) std::abort();
    if (kind == image::Compression::gzip) {
        const Result other = decode(*image::make_zlib_codec(), packed, piece, room);
        if (whole.ended && other.ended && other.plain != whole.plain) std::abort();
    }
    return 0;
}
