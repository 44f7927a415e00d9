#include <lzma.h>

#include "image/codec.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::image {
namespace {

class XzCodec final : public Codec {
  public:
    XzCodec() {
        if (lzma_stream_decoder(&stream_, kMaxXzMemoryBytes, LZMA_CONCATENATED) != LZMA_OK)
            throw base::Error("cannot set up xz");
    }
    XzCodec(const XzCodec&) = delete;
    XzCodec& operator=(const XzCodec&) = delete;
    ~XzCodec() override { lzma_end(&stream_); }

    Step step(std::span<const std::byte> input, Input state, std::span<std::byte> output) override {
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
        stream_.avail_in = input.size();
        stream_.next_out = reinterpret_cast<std::uint8_t*>(output.data());
        stream_.avail_out = output.size();
        // With LZMA_CONCATENATED the end is known only by LZMA_FINISH (lzma/base.h).
        const lzma_ret rc = lzma_code(&stream_, state == Input::last ? LZMA_FINISH : LZMA_RUN);
        const Step step{input.size() - stream_.avail_in, output.size() - stream_.avail_out,
                        rc == LZMA_STREAM_END};
        if (rc == LZMA_MEMLIMIT_ERROR)
            throw base::IntegrityError("xz data wants a dictionary that is too large");
        if (rc == LZMA_BUF_ERROR && state == Input::last && step.produced == 0)
            throw base::IntegrityError("truncated xz data");
        if (rc != LZMA_OK && rc != LZMA_STREAM_END && rc != LZMA_BUF_ERROR)
            throw base::IntegrityError("damaged xz data");
        return step;
    }

  private:
    lzma_stream stream_ = LZMA_STREAM_INIT;
};

}  // namespace

std::unique_ptr<Codec> make_xz_codec() {
    return std::make_unique<XzCodec>();
}

}  // namespace sandbox::image
