// gzip by ISA-L, several times as fast as zlib.
#include "image/codec.hpp"

#if __has_include(<isa-l/igzip_lib.h>)
#include <isa-l/igzip_lib.h>

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

}  // namespace

std::unique_ptr<Codec> make_gzip_codec() {
    return std::make_unique<IsalCodec>();
}

}  // namespace sandbox::image

#else

namespace sandbox::image {

std::unique_ptr<Codec> make_gzip_codec() {
    return make_zlib_codec();
}

}  // namespace sandbox::image
#endif
