#include <zstd.h>

#include "image/codec.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::image {
namespace {

class ZstdCodec final : public Codec {
  public:
    ZstdCodec() : stream_(ZSTD_createDStream()) {
        if (!stream_) throw base::Error("cannot set up zstd");
        ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
    }

    Step step(std::span<const std::byte> input, Input state, std::span<std::byte> output) override {
        ZSTD_inBuffer in{input.data(), input.size(), 0};
        ZSTD_outBuffer out{output.data(), output.size(), 0};
        // Frames may follow each other, skippable ones too (RFC 8878, 3.1).
        if (in.size > 0 || wanted_ != 0) {
            wanted_ = ZSTD_decompressStream(stream_.get(), &out, &in);
            if (ZSTD_isError(wanted_) != 0)
                throw base::IntegrityError(std::string("damaged zstd data: ") +
                                           ZSTD_getErrorName(wanted_));
        }
        const bool exhausted = in.pos == in.size && state == Input::last;
        const bool flushed = out.pos < out.size;
        if (exhausted && wanted_ != 0 && flushed && out.pos == 0)
            throw base::IntegrityError("truncated zstd data");
        return {in.pos, out.pos, exhausted && wanted_ == 0};
    }

  private:
    struct Free {
        void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
    };
    std::unique_ptr<ZSTD_DStream, Free> stream_;
    size_t wanted_ = 1;  // 0: at the end of a frame
};

}  // namespace

std::unique_ptr<Codec> make_zstd_codec() {
    return std::make_unique<ZstdCodec>();
}

}  // namespace sandbox::image
