// gzip by ISA-L, several times as fast as zlib.
#include "image/codec.hpp"
#include "image/gzip_writer.hpp"

#if __has_include(<isa-l/igzip_lib.h>)
#include <isa-l/igzip_lib.h>

#include <vector>

#include "sandbox/base/error.hpp"

namespace sandbox::image {
namespace {

class IsalCodec final : public Codec {
  public:
    IsalCodec() { start_member(); }

    Step step(std::span<const std::byte> input, Input state, std::span<std::byte> output) override {
        Step step;
        if (member_done_ && !input.empty()) start_member();
        if (member_done_) return {0, 0, state == Input::last};
        state_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(input.data()));
        state_.avail_in = static_cast<std::uint32_t>(input.size());
        state_.next_out = reinterpret_cast<std::uint8_t*>(output.data());
        state_.avail_out = static_cast<std::uint32_t>(output.size());
        // Also reads the header and compares the trailer's checksum and length.
        if (isal_inflate(&state_) < ISAL_DECOMP_OK) throw base::IntegrityError("damaged gzip data");
        step.consumed = input.size() - state_.avail_in;
        step.produced = output.size() - state_.avail_out;
        member_done_ = state_.block_state == ISAL_BLOCK_FINISH;
        const bool exhausted = step.consumed == input.size() && state == Input::last;
        step.ended = exhausted && member_done_;
        if (exhausted && !member_done_ && step.produced == 0)
            throw base::IntegrityError("truncated gzip data");
        return step;
    }

  private:
    void start_member() {
        // RFC 1952, 2.2: a gzip file is one or more members, one after the other.
        isal_inflate_init(&state_);
        state_.crc_flag = ISAL_GZIP;
        member_done_ = false;
    }

    inflate_state state_;
    bool member_done_ = false;
};

class IsalWriter final : public GzipWriter {
  public:
    explicit IsalWriter(Sink sink)
        : sink_(std::move(sink)), level_buffer_(ISAL_DEF_LVL2_DEFAULT), output_(kOutputBytes) {
        isal_deflate_init(&stream_);
        stream_.gzip_flag = IGZIP_GZIP;
        stream_.level = 2;
        stream_.level_buf = level_buffer_.data();
        stream_.level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
    }

    void write(std::span<const std::byte> plain) override { run(plain); }

    void finish() override {
        stream_.end_of_stream = 1;
        run({});
    }

  private:
    static constexpr size_t kOutputBytes = 256u << 10;

    void run(std::span<const std::byte> plain) {
        stream_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(plain.data()));
        stream_.avail_in = static_cast<std::uint32_t>(plain.size());
        do {
            stream_.next_out = reinterpret_cast<std::uint8_t*>(output_.data());
            stream_.avail_out = static_cast<std::uint32_t>(output_.size());
            if (isal_deflate(&stream_) != COMP_OK) throw base::Error("cannot compress");
            const size_t made = output_.size() - stream_.avail_out;
            if (made > 0) sink_(std::span(output_).first(made));
        } while (stream_.avail_in > 0 || stream_.avail_out == 0 ||
                 (stream_.end_of_stream != 0 && stream_.internal_state.state != ZSTATE_END));
    }

    Sink sink_;
    isal_zstream stream_{};
    std::vector<std::uint8_t> level_buffer_;
    std::vector<std::byte> output_;
};

}  // namespace

std::unique_ptr<Codec> make_gzip_codec() {
    return std::make_unique<IsalCodec>();
}

std::unique_ptr<GzipWriter> make_gzip_writer(GzipWriter::Sink sink) {
    return std::make_unique<IsalWriter>(std::move(sink));
}

}  // namespace sandbox::image

#else

namespace sandbox::image {

std::unique_ptr<Codec> make_gzip_codec() {
    return make_zlib_codec();
}

std::unique_ptr<GzipWriter> make_gzip_writer(GzipWriter::Sink sink) {
    return make_zlib_writer(std::move(sink));
}

}  // namespace sandbox::image
#endif
