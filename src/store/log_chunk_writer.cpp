// Theory of operation. What was read from a stream goes to the file as it is, with a header and a
// trailer around it, in one pwritev(2) (and another one for a label, log_label.hpp): the price of a
// log is that of copying the bytes once, as it is for `cat >file`. Only the beginning of an
// unfinished line is copied, so that a line which does not pause is never torn by the output of the
// other stream. A chunk is in the file as a whole or not at all, as far as readers can see; a
// failure (ENOSPC, EDQUOT, EIO) loses all of it. How such a loss is counted and told: see
// log_text_writer.cpp.
//
// Where there is plenty, chunks begin and end with blocks of the file: the kernel then caches it in
// big pages, and writing and removing it takes a quarter less of its time. What the last line
// leaves of a block is a gap.
#include <algorithm>
#include <array>
#include <optional>

#include "store/log_chunk.hpp"
#include "store/log_encoder.hpp"
#include "store/log_loss.hpp"
#include "store/log_pieces.hpp"

namespace sandbox::store {
namespace {

using namespace log_chunk;

constexpr std::uint64_t kMinPieceBytes = 2048;
constexpr char kNewline = '\n';
constexpr size_t kBlockBytes = 64u << 10;
// Of text, for which a gap is worth its bytes: a sixteenth of the text at most.
constexpr size_t kPlentyBytes = 48u << 10;
constexpr size_t kMostGapBytes = 8u << 10;
constexpr std::array<char, kMostGapBytes> kZeros{};

// Two texts that follow one another.
struct Joined {
    std::string_view head, tail;
    [[nodiscard]] size_t size() const noexcept { return head.size() + tail.size(); }
    [[nodiscard]] Joined first(size_t count) const noexcept {
        return count <= head.size() ? Joined{head.substr(0, count), {}}
                                    : Joined{head, tail.substr(0, count - head.size())};
    }
    [[nodiscard]] Joined without(size_t count) const noexcept {
        return count <= head.size() ? Joined{head.substr(count), tail}
                                    : Joined{{}, tail.substr(count - head.size())};
    }
    // How many bytes end with the last newline; 0: there is none.
    [[nodiscard]] size_t whole_lines() const noexcept {
        const size_t in_tail = tail.rfind(kNewline);
        if (in_tail != tail.npos) return head.size() + in_tail + 1;
        const size_t in_head = head.rfind(kNewline);
        return in_head == head.npos ? 0 : in_head + 1;
    }
};

struct Frame {
    std::array<char, kHeadBytes> head{};
    std::array<char, kTailBytes> tail{};
};

// What goes to the file in one call: a notice, the text and a gap at most.
class Parts {
  public:
    // `frame` and the text must live as long as this. The head gets its length here.
    void add(Frame& frame, Head head, const Joined& text) noexcept {
        head.length = static_cast<std::uint32_t>(text.size());
        frame.head = make_head(head);
        frame.tail = make_tail(head.length);
        for (const std::string_view part :
             {std::string_view(frame.head.data(), frame.head.size()), text.head, text.tail,
              std::string_view(frame.tail.data(), frame.tail.size())}) {
            if (part.empty()) continue;
            parts_[count_++] = {const_cast<char*>(part.data()), part.size()};
            bytes_ += part.size();
        }
    }
    [[nodiscard]] std::span<iovec> all() noexcept { return {parts_.data(), count_}; }
    [[nodiscard]] size_t bytes() const noexcept { return bytes_; }

  private:
    std::array<iovec, 12> parts_{};
    size_t count_ = 0, bytes_ = 0;
};

class ChunkEncoder final : public LogEncoder {
  public:
    ChunkEncoder(int container_dir_fd, const LogOptions& options)
        : loss_(container_dir_fd),
          pieces_(container_dir_fd, options, kMinPieceBytes, whole_bytes,
                  LogPieces::Reuse::when_big) {}
    void append(LogStream stream, std::string_view bytes, base::Timestamp time) noexcept override;
    void flush_partial(base::Timestamp time) noexcept override;
    [[nodiscard]] bool has_partial() const noexcept override { return !partial_.empty(); }
    void release_memory() noexcept override {
        partial_.release_memory();
        pieces_.settle();
    }
    [[nodiscard]] size_t good_read_bytes(LogStream stream, size_t most) const noexcept override;
    [[nodiscard]] const LogLoss& lost() const noexcept override { return loss_.total(); }

  private:
    void put(LogStream stream, Joined text, base::Timestamp time) noexcept;
    void put_chunk(LogStream stream, const Joined& text, base::Timestamp time) noexcept;
    [[nodiscard]] size_t room() const noexcept;
    [[nodiscard]] std::optional<std::uint32_t> gap_behind(std::uint64_t end,
                                                          size_t text_bytes) const noexcept;
    void lose(const Joined& text, int errnum) noexcept;

    LossCounter loss_;
    LogPieces pieces_;
    PartialLines partial_;
};

void ChunkEncoder::append(LogStream stream, std::string_view bytes, base::Timestamp time) noexcept {
    const size_t newline = bytes.rfind(kNewline);
    if (newline != bytes.npos) {
        put(stream, {partial_.of(stream), bytes.substr(0, newline + 1)}, time);
        partial_.clear(stream);
        bytes.remove_prefix(newline + 1);
    }
    if (partial_.of(stream).size() + bytes.size() > log_format::kMaxTextBytes) {
        put(stream, {partial_.of(stream), bytes}, time);
        partial_.clear(stream);
    } else if (!bytes.empty()) {
        partial_.add(stream, bytes);
    }
}

void ChunkEncoder::flush_partial(base::Timestamp time) noexcept {
    for (const LogStream stream : {LogStream::out, LogStream::err}) {
        put(stream, {partial_.of(stream), {}}, time);
        partial_.clear(stream);
    }
}

// For the text of a chunk in this piece, with what has to be told before it.
size_t ChunkEncoder::room() const noexcept {
    size_t used = pieces_.size() + kFrameBytes;
    if (loss_.untold().lines > 0) used += kFrameBytes + LossNotice::kMaxBytes;
    return pieces_.limit() > used ? std::min<size_t>(pieces_.limit() - used, kMaxTextBytes) : 0;
}

// A piece ends with a whole line when it can.
void ChunkEncoder::put(LogStream stream, Joined text, base::Timestamp time) noexcept {
    while (text.size() > 0) {
        const size_t most = room();
        size_t count = text.size();
        if (count > most) {
            count = text.first(most).whole_lines();
            if (count == 0 && !pieces_.empty()) {
                pieces_.rotate();
                continue;
            }
            if (count == 0) count = most;
        }
        put_chunk(stream, text.first(count), time);
        text = text.without(count);
    }
}

// To the end of a block, with what frames the text and a gap.
size_t ChunkEncoder::good_read_bytes(LogStream stream, size_t most) const noexcept {
    const std::uint64_t begin = pieces_.size() + 2 * kFrameBytes + partial_.of(stream).size();
    const std::uint64_t end = std::min((begin + most) / kBlockBytes * kBlockBytes, pieces_.limit());
    return end > begin + most / 4 ? end - begin : most;
}

// How long the text of a gap is that fills the block up.
std::optional<std::uint32_t> ChunkEncoder::gap_behind(std::uint64_t end,
                                                      size_t text_bytes) const noexcept {
    const std::uint64_t left = (kBlockBytes - end % kBlockBytes) % kBlockBytes;
    const size_t most = std::min(text_bytes / 16, kMostGapBytes);
    if (text_bytes < kPlentyBytes || left < kFrameBytes || left > most) return std::nullopt;
    if (end + left > pieces_.limit()) return std::nullopt;
    return static_cast<std::uint32_t>(left - kFrameBytes);
}

void ChunkEncoder::put_chunk(LogStream stream, const Joined& text, base::Timestamp time) noexcept {
    Frame notice_frame, frame, gap_frame;
    LossNotice notice;
    Parts parts;
    if (loss_.untold().lines > 0) {
        notice = make_notice(loss_.untold(), kNewline);
        parts.add(notice_frame, {.stream = LogStream::notice, .time = time}, {notice.view(), {}});
    }
    parts.add(frame, {.stream = stream, .time = time}, text);
    if (const auto gap = gap_behind(pieces_.size() + parts.bytes(), text.size())) {
        parts.add(gap_frame, {.time = time, .is_gap = true}, {{kZeros.data(), *gap}, {}});
    }
    size_t written = 0;
    const int errnum = pieces_.append(parts.all(), written);
    if (errnum == 0) {
        loss_.told();
        return;
    }
    if (written > 0) pieces_.keep(0);
    lose(text, errnum);
}

void ChunkEncoder::lose(const Joined& text, int errnum) noexcept {
    LogLoss loss;
    for (const std::string_view part : {text.head, text.tail}) {
        loss.lines += static_cast<std::uint64_t>(std::count(part.begin(), part.end(), kNewline));
        loss.bytes += part.size();
    }
    loss.errnum = errnum;
    loss_.add(loss);
}

}  // namespace

std::unique_ptr<LogEncoder> make_chunk_encoder(int container_dir_fd, const LogOptions& options) {
    return std::make_unique<ChunkEncoder>(container_dir_fd, options);
}

}  // namespace sandbox::store
