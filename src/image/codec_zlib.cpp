// gzip by zlib: where the fast library does not exist for the machine, and as its reference in
// tests.
#include <zlib.h>

#include <vector>

#include "image/codec.hpp"
#include "image/gzip_writer.hpp"
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

namespace {

class ZlibWriter final : public GzipWriter {
  public:
    explicit ZlibWriter(Sink sink) : sink_(std::move(sink)), output_(256u << 10) {
        // 16: a gzip header, without name and time (zlib.h, deflateInit2).
        if (deflateInit2(&stream_, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
            throw base::Error("cannot set up deflate");
        }
    }
    ZlibWriter(const ZlibWriter&) = delete;
    ZlibWriter& operator=(const ZlibWriter&) = delete;
    ~ZlibWriter() override { deflateEnd(&stream_); }

    void write(std::span<const std::byte> plain) override { run(plain, Z_NO_FLUSH); }
    void finish() override { run({}, Z_FINISH); }

  private:
    void run(std::span<const std::byte> plain, int flush) {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(plain.data()));
        stream_.avail_in = static_cast<uInt>(plain.size());
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(output_.data());
            stream_.avail_out = static_cast<uInt>(output_.size());
            if (deflate(&stream_, flush) == Z_STREAM_ERROR) throw base::Error("cannot compress");
            const size_t made = output_.size() - stream_.avail_out;
            if (made > 0) sink_(std::span(output_).first(made));
        } while (stream_.avail_out == 0);
    }

    Sink sink_;
    z_stream stream_{};
    std::vector<std::byte> output_;
};

}  // namespace

std::unique_ptr<GzipWriter> make_zlib_writer(GzipWriter::Sink sink) {
    return std::make_unique<ZlibWriter>(std::move(sink));
}

}  // namespace sandbox::image
