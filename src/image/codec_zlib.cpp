// gzip by zlib: where the fast library does not exist for the machine, and as its reference in
// tests.
#include <zlib.h>

#include "image/codec.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::image {
namespace {

class ZlibCodec final : public Codec {
  public:
    ZlibCodec() {
        // 16: a gzip header and trailer, nothing else (zlib.h, inflateInit2).
        if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw base::Error("cannot set up inflate");
    }
    ZlibCodec(const ZlibCodec&) = delete;
    ZlibCodec& operator=(const ZlibCodec&) = delete;
    ~ZlibCodec() override { inflateEnd(&stream_); }

    Step step(std::span<const std::byte> input, Input state, std::span<std::byte> output) override {
        if (member_done_ && !input.empty()) {
            // RFC 1952, 2.2: a gzip file is one or more members, one after the other.
            inflateReset(&stream_);
            member_done_ = false;
        }
        if (member_done_) return {0, 0, state == Input::last};
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
        stream_.avail_in = static_cast<uInt>(input.size());
        stream_.next_out = reinterpret_cast<Bytef*>(output.data());
        stream_.avail_out = static_cast<uInt>(output.size());
        const int rc = inflate(&stream_, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            throw base::IntegrityError("damaged gzip data");
        Step step{input.size() - stream_.avail_in, output.size() - stream_.avail_out, false};
        member_done_ = rc == Z_STREAM_END;
        const bool exhausted = step.consumed == input.size() && state == Input::last;
        step.ended = exhausted && member_done_;
        if (exhausted && !member_done_ && step.produced == 0)
            throw base::IntegrityError("truncated gzip data");
        return step;
    }

  private:
    z_stream stream_{};
    bool member_done_ = false;
};

}  // namespace

std::unique_ptr<Codec> make_zlib_codec() {
    return std::make_unique<ZlibCodec>();
}

}  // namespace sandbox::image
