// A descriptor's bytes from where it stands to its end, decompressed when they begin as gzip, zstd
// or xz do. For streams that come once (a pipe).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "image/codec.hpp"

namespace sandbox::image {

class PlainStream {
  public:
    explicit PlainStream(int fd);  // borrowed
    // The next plain bytes, valid until the next call; empty at the end. Throws SysError,
    // IntegrityError.
    [[nodiscard]] std::span<const std::byte> next();
    [[nodiscard]] Compression compression() const noexcept { return compression_; }
    [[nodiscard]] std::uint64_t read_bytes() const noexcept { return read_bytes_; }

  private:
    void fill();

    int fd_;
    std::vector<std::byte> input_;
    size_t begin_ = 0;
    size_t end_ = 0;
    bool at_end_ = false;
    bool codec_ended_ = false;
    Compression compression_ = Compression::plain;
    std::unique_ptr<Codec> codec_;  // null: plain
    std::vector<std::byte> output_;
    std::uint64_t read_bytes_ = 0;
};

}  // namespace sandbox::image
