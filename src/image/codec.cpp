#include "image/codec.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace sandbox::image {
namespace {

class PlainCodec final : public Codec {
  public:
    Step step(std::span<const std::byte> input, Input state, std::span<std::byte> output) override {
        const size_t size = std::min(input.size(), output.size());
        if (size != 0) std::memcpy(output.data(), input.data(), size);
        return {size, size, state == Input::last && size == input.size()};
    }
};

template <size_t N>
bool begins_with(std::span<const std::byte> head, const std::array<std::uint8_t, N>& magic) {
    return head.size() >= N && std::memcmp(head.data(), magic.data(), N) == 0;
}

bool is_skippable_zstd_frame(std::span<const std::byte> head) {
    // RFC 8878, 3.1.2: 0x184D2A5? in little endian.
    return head.size() >= 4 && (static_cast<unsigned>(head[0]) & 0xf0u) == 0x50u &&
           head[1] == std::byte{0x2a} && head[2] == std::byte{0x4d} && head[3] == std::byte{0x18};
}

}  // namespace

Compression detect_compression(std::span<const std::byte> head) noexcept {
    constexpr std::array<std::uint8_t, 2> kGzip{0x1f, 0x8b};
    constexpr std::array<std::uint8_t, 4> kZstd{0x28, 0xb5, 0x2f, 0xfd};
    constexpr std::array<std::uint8_t, 6> kXz{0xfd, '7', 'z', 'X', 'Z', 0x00};
    if (begins_with(head, kGzip)) return Compression::gzip;
    if (begins_with(head, kZstd) || is_skippable_zstd_frame(head)) return Compression::zstd;
    if (begins_with(head, kXz)) return Compression::xz;
    return Compression::plain;
}

std::unique_ptr<Codec> make_codec(Compression compression) {
    switch (compression) {
        case Compression::gzip:
            return make_gzip_codec();
        case Compression::zstd:
            return make_zstd_codec();
        case Compression::xz:
            return make_xz_codec();
        case Compression::plain:
            break;
    }
    return std::make_unique<PlainCodec>();
}

}  // namespace sandbox::image
