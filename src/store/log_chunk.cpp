#include "store/log_chunk.hpp"

#include <bit>
#include <cstring>

#include "sandbox/base/raw.hpp"
#include "store/log_label.hpp"

namespace sandbox::store::log_chunk {
namespace {

namespace raw = base::raw;

static_assert(std::endian::native == std::endian::little);

constexpr std::array<char, 3> kMagic = {'\xC5', 'L', 1};
constexpr std::array<char, 4> kEndMagic = {'\n', '\xC5', 'L', '\n'};
constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr unsigned char kGapByte = 3;  // where others have their LogStream
static_assert(kGapByte > static_cast<unsigned char>(LogStream::notice));

template <typename T>
T load(const char* from) noexcept {
    T value{};
    std::memcpy(&value, from, sizeof value);
    return value;
}

std::optional<Head> read_head(int fd, std::uint64_t at) noexcept {
    std::array<char, kHeadBytes> bytes{};
    const long count = raw::pread(fd, bytes.data(), bytes.size(), static_cast<std::int64_t>(at));
    if (count != static_cast<long>(bytes.size())) return std::nullopt;
    return try_head({bytes.data(), bytes.size()});
}

std::optional<std::uint32_t> read_tail(int fd, std::uint64_t end) noexcept {
    std::array<char, kTailBytes> bytes{};
    if (end < kFrameBytes) return std::nullopt;
    const long count =
        raw::pread(fd, bytes.data(), bytes.size(), static_cast<std::int64_t>(end - kTailBytes));
    if (count != static_cast<long>(bytes.size())) return std::nullopt;
    return try_tail({bytes.data(), bytes.size()});
}

}  // namespace

std::array<char, kHeadBytes> make_head(const Head& head) noexcept {
    std::array<char, kHeadBytes> bytes{};
    std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
    bytes[3] = head.is_gap ? static_cast<char>(kGapByte) : static_cast<char>(head.stream);
    std::memcpy(bytes.data() + 4, &head.length, sizeof head.length);
    const std::int64_t time = head.time.seconds * kNanoseconds + head.time.nanoseconds;
    std::memcpy(bytes.data() + 8, &time, sizeof time);
    return bytes;
}

std::array<char, kTailBytes> make_tail(std::uint32_t length) noexcept {
    std::array<char, kTailBytes> bytes{};
    std::memcpy(bytes.data(), &length, sizeof length);
    std::memcpy(bytes.data() + sizeof length, kEndMagic.data(), kEndMagic.size());
    return bytes;
}

std::optional<Head> try_head(std::string_view bytes) noexcept {
    if (bytes.size() < kHeadBytes || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
        return std::nullopt;
    }
    const auto stream = static_cast<unsigned char>(bytes[3]);
    Head head;
    head.length = load<std::uint32_t>(bytes.data() + 4);
    const auto time = load<std::int64_t>(bytes.data() + 8);
    head.is_gap = stream == kGapByte;
    const bool known =
        head.is_gap || (head.length > 0 && stream <= static_cast<unsigned char>(LogStream::notice));
    if (!known || head.length > kMaxTextBytes || time < 0) return std::nullopt;
    if (!head.is_gap) head.stream = static_cast<LogStream>(stream);
    head.time = {time / kNanoseconds, static_cast<std::uint32_t>(time % kNanoseconds)};
    return head;
}

std::optional<std::uint32_t> try_tail(std::string_view bytes) noexcept {
    if (bytes.size() < kTailBytes) return std::nullopt;
    const auto length = load<std::uint32_t>(bytes.data());
    if (length > kMaxTextBytes) return std::nullopt;
    if (std::memcmp(bytes.data() + 4, kEndMagic.data(), kEndMagic.size()) != 0) return std::nullopt;
    return length;
}

bool begins_chunk(char first) noexcept {
    return first == kMagic[0];
}

std::uint64_t whole_bytes(int fd, std::uint64_t size_bytes) noexcept {
    const PieceExtent extent = extent_of(fd, size_bytes);
    const auto last = read_tail(fd, extent.end_bytes);
    if (last && *last + kFrameBytes <= extent.end_bytes - extent.begin_bytes) {
        const auto head = read_head(fd, extent.end_bytes - kFrameBytes - *last);
        if (head && head->length == *last) return extent.end_bytes;
    }
    std::uint64_t end = extent.begin_bytes;
    for (;;) {
        const auto head = read_head(fd, end);
        if (!head) return end;
        const std::uint64_t next = end + kFrameBytes + head->length;
        const auto length = next <= extent.end_bytes ? read_tail(fd, next) : std::nullopt;
        if (!length || *length != head->length) return end;
        end = next;
    }
}

}  // namespace sandbox::store::log_chunk
