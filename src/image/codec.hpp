// Decompression of layer blobs, in this process (CVE-2026-41567: no program of the host or of the
// image is ever run on image data). Streaming, memory bounded, trailing garbage refused.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace sandbox::image {

// The largest zstd window and xz dictionary that are accepted. zstd(1) takes 128 MiB by default;
// xz -9 needs 64 MiB.
inline constexpr int kMaxZstdWindowLog = 27;
inline constexpr size_t kMaxXzMemoryBytes = 144u << 20;

class Codec {
  public:
    enum class Input { more, last };  // last: after these bytes the blob has ended
    struct Step {
        size_t consumed = 0;  // of the input
        size_t produced = 0;  // into the output
        bool ended = false;   // all streams are whole and the blob has no further bytes
    };
    virtual ~Codec() = default;
    // Makes progress, or wants more input (consumed all, output not full). Once `ended`, it must
    // not be called again. Throws IntegrityError on damaged, truncated or trailing data.
    virtual Step step(std::span<const std::byte> input, Input state,
                      std::span<std::byte> output) = 0;
};

enum class Compression { plain, gzip, zstd, xz };
// By the first bytes of the blob; what has no known magic is plain.
[[nodiscard]] Compression detect_compression(std::span<const std::byte> head) noexcept;
inline constexpr size_t kMagicBytes = 6;  // detect_compression() wants so many, or the whole blob

[[nodiscard]] std::unique_ptr<Codec> make_codec(Compression compression);
// Each in the one file that knows its library. xz: codec_xz.cpp, …
[[nodiscard]] std::unique_ptr<Codec> make_gzip_codec();
[[nodiscard]] std::unique_ptr<Codec> make_zlib_codec();  // gzip without the fast library
[[nodiscard]] std::unique_ptr<Codec> make_zstd_codec();
[[nodiscard]] std::unique_ptr<Codec> make_xz_codec();

}  // namespace sandbox::image
