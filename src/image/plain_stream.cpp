#include "image/plain_stream.hpp"

#include <cerrno>
#include <cstring>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::image {
namespace {

constexpr size_t kChunkBytes = 256u << 10;

}  // namespace

PlainStream::PlainStream(int fd) : fd_(fd), input_(kChunkBytes) {
    while (end_ < kMagicBytes && !at_end_) fill();
    compression_ = detect_compression({input_.data(), end_});
    if (compression_ == Compression::plain) return;
    codec_ = make_codec(compression_);
    output_.resize(kChunkBytes);
}

// Behind what is there already.
void PlainStream::fill() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == input_.size()) return;
    long rc = 0;
    do {
        rc = base::raw::read(fd_, input_.data() + end_, input_.size() - end_);
    } while (rc == -EINTR);
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read the archive");
    at_end_ = rc == 0;
    end_ += static_cast<size_t>(rc);
    read_bytes_ += static_cast<std::uint64_t>(rc);
}

std::span<const std::byte> PlainStream::next() {
    if (!codec_) {
        if (begin_ == end_ && !at_end_) fill();
        const std::span<const std::byte> block{input_.data() + begin_, end_ - begin_};
        begin_ = end_;
        return block;
    }
    while (!codec_ended_) {
        if (begin_ == end_ && !at_end_) fill();
        const Codec::Step step =
            codec_->step({input_.data() + begin_, end_ - begin_},
                         at_end_ ? Codec::Input::last : Codec::Input::more, output_);
        begin_ += step.consumed;
        codec_ended_ = step.ended;
        if (step.produced > 0) return {output_.data(), step.produced};
    }
    return {};
}

}  // namespace sandbox::image
