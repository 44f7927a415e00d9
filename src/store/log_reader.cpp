// Theory of operation. The pieces of a log are a sequence: the older ones bear their numbers, the
// youngest will get the next one when it is rotated. So a reader always knows the number of the
// piece it is in, finds the following one by name, and sees a gap when pieces went before it came.
// It reads whole records or chunks only: what is not whole is looked at again later. A piece with a
// label ends where that says, and is not the one of its name if the label says so (log_label.hpp).
// Which form a piece has is seen from its first byte.
#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "store/log_chunk.hpp"
#include "store/log_format.hpp"
#include "store/log_label.hpp"
#include "store/log_loss.hpp"
#include "store/log_piece.hpp"
#include "store/log_tail.hpp"

namespace sandbox::store {
namespace {

namespace raw = base::raw;
using base::SysError;
using namespace log_format;

constexpr size_t kBlockBytes = 64u << 10;
static_assert(kBlockBytes > 2 * kMaxRecordBytes);
constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();

}  // namespace

struct LogReader::Impl {
    enum class Form { unknown, text, chunks, damaged };

    Impl(int container_fd, const LogOptions& options, const LogWish& wish);
    void start_at_tail(std::uint64_t lines);
    bool open_place();
    bool fill();
    bool advance();
    bool learn_form();
    std::optional<LogRecord> try_record();
    std::optional<std::string_view> try_line();
    bool next_chunk();
    LogRecord take_from_chunk();
    [[nodiscard]] std::string_view rest() const { return std::string_view(buffer).substr(begin); }

    int container_dir_fd;
    LogOptions options;
    std::optional<LogPlace> place;
    std::optional<LogPiece> piece;
    Form form = Form::unknown;
    std::uint64_t last_number = 0;  // of the piece that was read last
    std::uint64_t offset = 0;       // of what follows the buffer's content
    std::string buffer;
    size_t begin = 0;
    std::string since, until;
    std::uint64_t missed = 0;
    bool past_until = false;
    bool too_long = false;  // within a line that is no record of ours
    // Of the chunk that `begin` is in: how much text follows, and its fields.
    size_t chunk_left = 0;
    size_t skip = 0;  // of the first chunk's text
    LogStream chunk_stream = LogStream::out;
    std::array<char, kTimeBytes> chunk_time{};
};

LogReader::Impl::Impl(int container_fd, const LogOptions& log_options, const LogWish& wish)
    : container_dir_fd(container_fd), options(log_options) {
    if (wish.since) since = time_text(*wish.since);
    if (wish.until) until = time_text(*wish.until);
    if (!open_place()) return;
    if (wish.tail) {
        start_at_tail(*wish.tail);
    } else {
        piece = try_open_after(*place, 0);
    }
    if (piece) last_number = piece->number;
}

bool LogReader::Impl::open_place() {
    if (!place) place = try_open_log_place(container_dir_fd, options, false);
    return place.has_value();
}

void LogReader::Impl::start_at_tail(std::uint64_t lines) {
    std::vector<LogPiece> pieces;
    for (std::uint64_t number = 0;;) {
        auto next = try_open_after(*place, number);
        if (!next) break;
        number = next->number;
        pieces.push_back(std::move(*next));
        if (pieces.back().youngest) break;
    }
    BackwardScan backward(lines, until);
    for (auto at = pieces.rbegin(); at != pieces.rend(); ++at) {
        const auto found = backward.scan(at->fd.get());
        if (!found && at + 1 != pieces.rend()) continue;
        const TailStart start = found.value_or(TailStart{});
        offset = start.offset;
        skip = start.skip;
        piece = std::move(*at);
        return;
    }
}

// More of the piece into the buffer; false at its end for now.
bool LogReader::Impl::fill() {
    buffer.erase(0, begin);
    begin = 0;
    if (form == Form::text && buffer.size() > kMaxRecordBytes) {  // no newline: no record of ours
        buffer.clear();
        too_long = true;
    }
    const size_t kept = buffer.size();
    const PieceExtent extent = extent_of(piece->fd.get(), kNoBound);
    offset = std::max(offset, extent.begin_bytes);
    const size_t most = static_cast<size_t>(std::min<std::uint64_t>(
        kBlockBytes, extent.end_bytes - std::min(offset, extent.end_bytes)));
    buffer.resize(kept + most);
    long count = 0;
    do {
        count = raw::pread(piece->fd.get(), buffer.data() + kept, most,
                           static_cast<std::int64_t>(offset));
    } while (count == -EINTR);
    buffer.resize(kept + static_cast<size_t>(std::max(count, 0L)));
    if (count < 0) throw SysError(static_cast<int>(-count), "read the log");
    offset += static_cast<std::uint64_t>(count);
    return count > 0;
}

// To the following piece; false when this one is the youngest still.
bool LogReader::Impl::advance() {
    if (!open_place()) return false;
    if (piece && piece->youngest && is_still_named(piece->fd, place->dir.get(), place->file)) {
        return false;
    }
    std::optional<LogPiece> next = try_open_after(*place, last_number);
    if (!next) return false;
    // What came between the last read and the rotation belongs to us, too.
    if (piece && form != Form::damaged && fill()) return true;
    if (last_number > 0) missed += next->number - last_number - 1;
    piece = std::move(next);
    last_number = piece->number;
    form = Form::unknown;
    offset = 0;
    buffer.clear();
    begin = 0;
    chunk_left = 0;
    skip = 0;
    too_long = false;
    return true;
}

// False: the piece is empty, for now.
bool LogReader::Impl::learn_form() {
    if (form != Form::unknown) return true;
    char first = 0;
    if (!piece || raw::pread(piece->fd.get(), &first, 1, 0) != 1) return false;
    form = log_chunk::begins_chunk(first) ? Form::chunks : Form::text;
    return true;
}

// A whole line of the buffer or the piece.
std::optional<std::string_view> LogReader::Impl::try_line() {
    for (;;) {
        const std::string_view text = rest();
        const size_t newline = text.find('\n');
        if (newline != std::string_view::npos) {
            begin += newline + 1;
            if (!std::exchange(too_long, false)) return text.substr(0, newline);
            continue;
        }
        if (!fill()) return std::nullopt;
    }
}

// To the text of the next whole chunk.
bool LogReader::Impl::next_chunk() {
    for (;;) {
        const std::string_view bytes = rest();
        if (bytes.size() >= log_chunk::kHeadBytes) {
            const auto head = log_chunk::try_head(bytes);
            if (!head) {
                form = Form::damaged;
                return false;
            }
            if (bytes.size() >= log_chunk::kFrameBytes + head->length) {
                write_time(head->time, chunk_time.data());
                chunk_stream = head->stream;
                const size_t skipped = head->is_gap
                                           ? head->length
                                           : std::min<size_t>(std::exchange(skip, 0), head->length);
                begin += log_chunk::kHeadBytes + skipped;
                chunk_left = head->length - skipped;
                if (chunk_left > 0) return true;
                begin += log_chunk::kTailBytes;
                continue;
            }
        }
        if (!fill()) return false;
    }
}

LogRecord LogReader::Impl::take_from_chunk() {
    const std::string_view text = rest().substr(0, chunk_left);
    const size_t newline = text.substr(0, kMaxTextBytes + 1).find('\n');
    LogRecord record;
    record.stream = chunk_stream;
    record.time = {chunk_time.data(), chunk_time.size()};
    record.ends_line = newline != text.npos;
    record.text = text.substr(0, record.ends_line ? newline : kMaxTextBytes);
    const size_t taken = record.text.size() + (record.ends_line ? 1 : 0);
    chunk_left -= taken;
    begin += taken;
    if (chunk_left == 0) begin += log_chunk::kTailBytes;
    return record;
}

std::optional<LogRecord> LogReader::Impl::try_record() {
    for (;;) {
        if (learn_form() && form == Form::text) {
            while (const auto line = try_line()) {
                if (const auto record = try_parse(*line)) return record;
            }
        } else if (form == Form::chunks && (chunk_left > 0 || next_chunk())) {
            return take_from_chunk();
        }
        if (!advance()) return std::nullopt;
    }
}

LogReader::LogReader(int container_dir_fd, const LogOptions& options, const LogWish& wish)
    : impl_(std::make_unique<Impl>(container_dir_fd, options, wish)) {}
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;
LogReader::~LogReader() = default;

std::optional<LogRecord> LogReader::try_next() {
    while (const std::optional<LogRecord> record = impl_->try_record()) {
        if (record->time < impl_->since) continue;
        if (!impl_->until.empty() && record->time > impl_->until) {
            impl_->past_until = true;
            continue;  // the clock may have been set back
        }
        return record;
    }
    return std::nullopt;
}

bool LogReader::past_until() const noexcept {
    return impl_->past_until;
}

std::uint64_t LogReader::take_missed_pieces() noexcept {
    return std::exchange(impl_->missed, 0);
}

LogLoss LogReader::loss() const {
    return read_loss(impl_->container_dir_fd);
}

}  // namespace sandbox::store
