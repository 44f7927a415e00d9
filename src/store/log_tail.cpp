#include "store/log_tail.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "sandbox/base/raw.hpp"
#include "store/log_chunk.hpp"
#include "store/log_format.hpp"

namespace sandbox::store {
namespace {

namespace raw = base::raw;
using namespace log_format;

constexpr size_t kBlockBytes = 64u << 10;
static_assert(kBlockBytes > 2 * kMaxRecordBytes);

bool read_whole(int fd, std::string& to, size_t size, std::uint64_t at) {
    to.resize(size);
    return raw::pread(fd, to.data(), size, static_cast<std::int64_t>(at)) ==
           static_cast<long>(size);
}

}  // namespace

std::optional<TailStart> BackwardScan::scan(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return std::nullopt;
    const PieceExtent extent = extent_of(fd, static_cast<std::uint64_t>(info.st_size));
    const std::uint64_t size = extent.end_bytes;
    if (left_ == 0 && !seen_end_) return TailStart{size, 0};
    char first = 0;
    const bool chunks = raw::pread(fd, &first, 1, 0) == 1 && log_chunk::begins_chunk(first);
    return chunks ? scan_chunks(fd, extent) : scan_text(fd, size);
}

std::optional<TailStart> BackwardScan::scan_text(int fd, std::uint64_t size) {
    std::uint64_t begin = size;
    std::string text;  // from `begin` on, up to the last record that was looked at
    while (begin > 0) {
        const size_t step = static_cast<size_t>(std::min<std::uint64_t>(begin, kBlockBytes));
        std::string block;
        if (!read_whole(fd, block, step, begin - step)) return std::nullopt;  // cut meanwhile
        begin -= step;
        if (text.size() > 4 * kMaxRecordBytes) text.clear();  // damage without a newline
        text.insert(0, block);
        if (const auto found = take_records(begin, text)) return TailStart{*found, 0};
    }
    if (!is_line(text)) {
        count_line(text);
    } else if (left_ == 0) {
        return TailStart{text.size(), 0};
    } else {
        --left_;
    }
    return std::nullopt;
}

// Looks at whole records from the end; leaves the one whose head is not here yet.
std::optional<std::uint64_t> BackwardScan::take_records(std::uint64_t begin, std::string& text) {
    size_t end = text.size();
    for (;;) {
        if (end == 0) break;
        const size_t newline = end < 2 ? std::string::npos : text.rfind('\n', end - 2);
        if (newline == std::string::npos) break;
        const std::string_view record =
            std::string_view(text).substr(newline + 1, end - newline - 1);
        if (is_line(record)) {
            if (left_ == 0) return begin + end;
            --left_;
        } else {
            count_line(record);
        }
        end = newline + 1;
    }
    text.resize(end);
    return std::nullopt;
}

std::optional<LogRecord> BackwardScan::parse(std::string_view record) const {
    if (record.empty() || record.back() != '\n') return std::nullopt;  // being written
    record.remove_suffix(1);
    const auto parsed = try_parse(record);
    if (!parsed || parsed->stream == LogStream::notice) return std::nullopt;
    if (!until_.empty() && parsed->time > until_) return std::nullopt;
    return parsed;
}

bool BackwardScan::is_line(std::string_view record) {
    const auto parsed = parse(record);
    if (!parsed || !parsed->ends_line) return false;
    seen_end_ = true;
    return true;
}

// A line that has not ended yet counts as one.
void BackwardScan::count_line(std::string_view record) {
    if (seen_end_ || !parse(record)) return;
    seen_end_ = true;
    if (left_ > 0) --left_;
}

std::optional<TailStart> BackwardScan::scan_chunks(int fd, const PieceExtent& extent) {
    std::string bytes;
    std::uint64_t end = log_chunk::whole_bytes(fd, extent.end_bytes);
    while (end >= extent.begin_bytes + log_chunk::kFrameBytes) {
        if (!read_whole(fd, bytes, log_chunk::kTailBytes, end - log_chunk::kTailBytes)) break;
        const auto length = log_chunk::try_tail(bytes);
        if (!length || extent.begin_bytes + *length + log_chunk::kFrameBytes > end) break;
        const std::uint64_t begin = end - log_chunk::kFrameBytes - *length;
        if (!read_whole(fd, bytes, log_chunk::kHeadBytes + *length, begin)) break;
        const auto head = log_chunk::try_head(bytes);
        if (!head || head->length != *length) break;
        end = begin;
        if (head->is_gap || head->stream == LogStream::notice) continue;
        if (!until_.empty() && time_text(head->time) > until_) continue;
        const auto skip = take_chunk(std::string_view(bytes).substr(log_chunk::kHeadBytes));
        if (skip) return TailStart{begin, *skip};
    }
    return std::nullopt;
}

// Where in it the wanted lines begin.
std::optional<size_t> BackwardScan::take_chunk(std::string_view text) {
    if (!seen_end_ && text.back() != '\n' && left_ > 0) --left_;
    seen_end_ = true;
    for (size_t end = text.size(); end > 0;) {
        const size_t newline = text.rfind('\n', end - 1);
        if (newline == text.npos) break;
        if (left_ == 0) return newline + 1;
        --left_;
        end = newline;
    }
    return std::nullopt;
}

}  // namespace sandbox::store
