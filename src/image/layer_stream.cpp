#include "image/layer_stream.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

constexpr size_t kReadBytes = 256u << 10;

}  // namespace

// The blob's bytes in order, hashed as they are read when that is wanted.
class LayerStream::Input {
  public:
    Input(BlobInput blob, SharedFeed& feed) : blob_fd_(blob.fd), feed_(feed) {
        if (blob.hash) hash_.emplace();
        buffer_ = std::make_unique_for_overwrite<std::byte[]>(kReadBytes);
    }

    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
    void consume(size_t count) { bytes_ = bytes_.subspan(count); }
    [[nodiscard]] Codec::Input state() const {
        return ended_ ? Codec::Input::last : Codec::Input::more;
    }
    [[nodiscard]] std::uint64_t position() const { return position_; }
    [[nodiscard]] std::string finish_hex() { return hash_ ? hash_->finish_hex() : std::string(); }

    // Adds what is there, at least one byte unless the blob has ended. Unconsumed bytes stay.
    void refill() {
        if (ended_) return;
        std::copy(bytes_.begin(), bytes_.end(), buffer_.get());
        const size_t kept = bytes_.size();
        const SharedFeed::State state = feed_.wait_beyond(position_);
        size_t wanted = kReadBytes - kept;
        if (position_ + wanted >= state.available_bytes)
            wanted = static_cast<size_t>(state.available_bytes - position_);
        const size_t got = read_blob(buffer_.get() + kept, wanted);
        if (hash_) hash_->update(buffer_.get() + kept, got);
        position_ += got;
        bytes_ = {buffer_.get(), kept + got};
        ended_ = state.ended && position_ == state.available_bytes;
    }

  private:
    size_t read_blob(std::byte* target, size_t wanted) {
        size_t got = 0;
        while (got < wanted) {
            const long rc = base::raw::pread(blob_fd_, target + got, wanted - got,
                                             static_cast<std::int64_t>(position_ + got));
            if (rc == -EINTR) continue;
            if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read the layer's blob");
            if (rc == 0) throw base::IntegrityError("the layer's blob is shorter than announced");
            got += static_cast<size_t>(rc);
        }
        return got;
    }

    int blob_fd_;
    SharedFeed& feed_;
    std::unique_ptr<std::byte[]> buffer_;
    std::span<const std::byte> bytes_;
    std::uint64_t position_ = 0;
    bool ended_ = false;
    std::optional<base::Sha256> hash_;
};

LayerStream::LayerStream(BlobInput blob, SharedFeed& feed, Ring& ring,
                         std::uint64_t max_plain_bytes)
    : blob_(blob), feed_(feed), ring_(ring), max_plain_bytes_(max_plain_bytes) {}

void LayerStream::run() noexcept {
    try {
        pump();
        ring_.finish(Ring::End::complete);
    } catch (...) {
        failure_ = std::current_exception();
        ring_.finish(Ring::End::failed);
    }
}

const StreamResult& LayerStream::result() const {
    if (failure_) std::rethrow_exception(failure_);
    return result_;
}

void LayerStream::pump() {
    Input input(blob_, feed_);
    while (input.bytes().size() < kMagicBytes && input.state() == Codec::Input::more)
        input.refill();
    const std::unique_ptr<Codec> codec = make_codec(detect_compression(input.bytes()));
    base::Sha256 plain_hash;
    bool ended = false;
    while (!ended) {
        const std::span<std::byte> block = ring_.acquire();
        if (block.empty()) return;
        size_t filled = 0;
        while (!ended && filled < block.size()) {
            if (input.bytes().empty()) input.refill();
            const Codec::Step step =
                codec->step(input.bytes(), input.state(), block.subspan(filled));
            input.consume(step.consumed);
            filled += step.produced;
            ended = step.ended;
        }
        if (filled == 0) continue;
        plain_hash.update(block.data(), filled);
        result_.plain_bytes += filled;
        if (result_.plain_bytes > max_plain_bytes_)
            throw base::Error("the layer unpacks to more than " +
                              base::format_size(max_plain_bytes_));
        ring_.publish(filled);
    }
    result_.blob_bytes = input.position();
    result_.blob_hex = input.finish_hex();
    result_.diff_hex = plain_hash.finish_hex();
}

}  // namespace sandbox::image
