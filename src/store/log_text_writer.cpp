// Theory of operation. append() copies header and text of every line into one buffer, so that a
// batch of lines costs one write(2); with short lines a vector of pieces would cost more than the
// copy does. Text whose line has not ended stays in `partial_` until it does. The file ends with a
// whole record at any time that a reader may look: what a failed write leaves of a record is cut.
//
// A failure (ENOSPC, EDQUOT, EIO) loses the rest of the batch and nothing else. The loss is counted
// in log/lost, whose block exists from the beginning, so that it can be written on a full disk; and
// the next batch that fits begins with a notice.
#include <algorithm>
#include <array>
#include <cstring>

#include "sandbox/base/raw.hpp"
#include "store/log_encoder.hpp"
#include "store/log_loss.hpp"
#include "store/log_pieces.hpp"

namespace sandbox::store {
namespace {

namespace raw = base::raw;
using namespace log_format;

// Fits into the second level cache together with what is read from a pipe.
constexpr size_t kBufferBytes = 128u << 10;
constexpr std::uint64_t kMinPieceBytes = 2048;

// A writer was killed, or the power failed, within a record: its rest must not swallow ours.
std::uint64_t end_last_line(int fd, std::uint64_t size) noexcept {
    char last = '\n';
    if (raw::pread(fd, &last, 1, static_cast<std::int64_t>(size - 1)) == 1 && last != '\n') {
        if (raw::write(fd, "\n", 1) == 1) ++size;
    }
    return size;
}

class TextEncoder final : public LogEncoder {
  public:
    TextEncoder(int container_dir_fd, const LogOptions& options);
    void append(LogStream stream, std::string_view bytes, base::Timestamp time) noexcept override;
    void flush_partial(base::Timestamp time) noexcept override;
    [[nodiscard]] bool has_partial() const noexcept override { return !partial_.empty(); }
    void release_memory() noexcept override;
    [[nodiscard]] size_t good_read_bytes(LogStream /*stream*/,
                                         size_t most) const noexcept override {
        return most;
    }
    [[nodiscard]] const LogLoss& lost() const noexcept override { return loss_.total(); }

  private:
    void add_lines(LogStream stream, std::string_view bytes) noexcept;
    void add_record(LogStream stream, char tag, std::string_view head,
                    std::string_view tail) noexcept;
    void flush_stream(LogStream stream) noexcept;
    void stamp(base::Timestamp time) noexcept;
    void reserve(size_t record_bytes) noexcept;
    void write_out() noexcept;
    void lose(std::string_view batch, int errnum) noexcept;
    void add_notice() noexcept;

    LossCounter loss_;
    LogPieces pieces_;
    size_t max_text_ = kMaxTextBytes;
    base::PageBuffer buffer_{kBufferBytes};
    size_t used_ = 0;
    PartialLines partial_;
    std::array<std::array<char, kHeaderBytes>, 3> headers_{};
};

TextEncoder::TextEncoder(int container_dir_fd, const LogOptions& options)
    : loss_(container_dir_fd),
      pieces_(container_dir_fd, options, kMinPieceBytes, end_last_line, LogPieces::Reuse::never) {
    max_text_ = std::min<size_t>(kMaxTextBytes, pieces_.limit() - kHeaderBytes - 1);
    constexpr std::array<const char*, 3> kNames = {" stdout F ", " stderr F ", " notice F "};
    for (size_t i = 0; i < headers_.size(); ++i) {
        std::copy_n(kNames[i], kHeaderBytes - kTimeBytes, headers_[i].data() + kTimeBytes);
    }
}

// What is in the buffer goes to the file when a record of that size would not fit behind it.
void TextEncoder::reserve(size_t record_bytes) noexcept {
    const auto is_full = [&](std::uint64_t size) {
        return size > 0 && size + record_bytes > pieces_.limit();
    };
    if (used_ + record_bytes > kBufferBytes || is_full(pieces_.size() + used_)) write_out();
    if (is_full(pieces_.size())) pieces_.rotate();
}

void TextEncoder::add_record(LogStream stream, char tag, std::string_view head,
                             std::string_view tail) noexcept {
    reserve(kHeaderBytes + head.size() + tail.size() + 1);
    if (loss_.untold().lines > 0 && stream != LogStream::notice) add_notice();
    char* to = buffer_.data() + used_;
    std::memcpy(to, headers_[static_cast<size_t>(stream)].data(), kHeaderBytes);
    to[kTagOffset] = tag;
    to += kHeaderBytes;
    if (!head.empty()) std::memcpy(to, head.data(), head.size());
    to += head.size();
    if (!tail.empty()) std::memcpy(to, tail.data(), tail.size());
    to += tail.size();
    *to++ = '\n';
    used_ = static_cast<size_t>(to - buffer_.data());
}

void TextEncoder::stamp(base::Timestamp time) noexcept {
    write_time(time, headers_[0].data());
    std::copy_n(headers_[0].data(), kTimeBytes, headers_[1].data());
    std::copy_n(headers_[0].data(), kTimeBytes, headers_[2].data());
}

void TextEncoder::add_lines(LogStream stream, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const std::string_view head = partial_.of(stream);
        const size_t room = max_text_ - head.size();
        const size_t span = std::min(bytes.size(), room + 1);  // a newline needs no room
        const void* const newline = std::memchr(bytes.data(), '\n', span);
        if (newline != nullptr) {
            const auto length =
                static_cast<size_t>(static_cast<const char*>(newline) - bytes.data());
            add_record(stream, 'F', head, bytes.substr(0, length));
            bytes.remove_prefix(length + 1);
            partial_.clear(stream);
        } else if (bytes.size() > room) {
            add_record(stream, 'P', head, bytes.substr(0, room));
            bytes.remove_prefix(room);
            partial_.clear(stream);
        } else {
            partial_.add(stream, bytes);
            break;
        }
    }
}

void TextEncoder::append(LogStream stream, std::string_view bytes, base::Timestamp time) noexcept {
    stamp(time);
    add_lines(stream, bytes);
    write_out();
}

void TextEncoder::flush_stream(LogStream stream) noexcept {
    if (partial_.of(stream).empty()) return;
    add_record(stream, 'P', partial_.of(stream), {});
    partial_.clear(stream);
}

void TextEncoder::flush_partial(base::Timestamp time) noexcept {
    stamp(time);
    flush_stream(LogStream::out);
    flush_stream(LogStream::err);
    write_out();
}

void TextEncoder::write_out() noexcept {
    if (used_ == 0) return;
    const std::string_view batch(buffer_.data(), used_);
    used_ = 0;
    iovec part{const_cast<char*>(batch.data()), batch.size()};
    size_t written = 0;
    const int errnum = pieces_.append({&part, 1}, written);
    if (errnum == 0) {
        loss_.told();
        return;
    }
    const size_t whole = written == 0 ? 0 : batch.rfind('\n', written - 1) + 1;
    if (written > 0) pieces_.keep(whole);
    if (whole > 0) loss_.told();  // the notice was the first of them
    lose(batch.substr(whole), errnum);
}

void TextEncoder::lose(std::string_view batch, int errnum) noexcept {
    LogLoss loss;
    while (!batch.empty()) {
        const size_t end = batch.find('\n');
        const auto record = try_parse(batch.substr(0, end));
        if (record && record->stream != LogStream::notice) {
            loss.lines += record->ends_line ? 1 : 0;
            loss.bytes += record->text.size() + (record->ends_line ? 1 : 0);
        }
        batch.remove_prefix(end + 1);
    }
    loss.errnum = errnum;
    loss_.add(loss);
}

void TextEncoder::add_notice() noexcept {
    if (used_ != 0) return;  // only at the head of a batch: see write_out()
    const LossNotice notice = make_notice(loss_.untold());
    add_record(LogStream::notice, 'F', notice.view(), {});
}

void TextEncoder::release_memory() noexcept {
    buffer_.release();
    partial_.release_memory();
    pieces_.settle();
}

}  // namespace

std::unique_ptr<LogEncoder> make_text_encoder(int container_dir_fd, const LogOptions& options) {
    return std::make_unique<TextEncoder>(container_dir_fd, options);
}

}  // namespace sandbox::store
