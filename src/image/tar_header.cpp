#include "image/tar_header.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

struct Field {
    size_t at;
    size_t size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kMtime{136, 12}, kChecksum{148, 8}, kLinkName{157, 100}, kMagic{257, 6}, kMajor{329, 8},
    kMinor{337, 8}, kPrefix{345, 155};
constexpr size_t kTypeAt = 156;

std::string_view field(TarBlock block, Field where) {
    return {reinterpret_cast<const char*>(block.data()) + where.at, where.size};
}

std::string_view text_field(TarBlock block, Field where) {
    const std::string_view text = field(block, where);
    return text.substr(0, text.find('\0'));
}

std::uint64_t unsigned_field(TarBlock block, Field where, const char* what) {
    const std::int64_t value = parse_tar_number(field(block, where));
    if (value < 0) bad_tar(std::string("a negative ") + what);
    return static_cast<std::uint64_t>(value);
}

void check_sum(TarBlock block) {
    // Some old writers summed signed chars; both are accepted, as everywhere.
    std::int64_t sum = 0;
    std::int64_t high = 0;
    for (const std::byte byte : block) {
        sum += static_cast<std::int64_t>(byte);
        high += static_cast<std::int64_t>(byte) >> 7;
    }
    std::int64_t spaces = 8 * ' ';
    for (size_t i = kChecksum.at; i < kChecksum.at + kChecksum.size; ++i) {
        spaces -= static_cast<std::int64_t>(block[i]);
        high -= static_cast<std::int64_t>(block[i]) >> 7;
    }
    sum += spaces;
    const std::int64_t stored = parse_tar_number(field(block, kChecksum));
    if (stored != sum && stored != sum - 256 * high) bad_tar("a header's checksum is wrong");
}

// Two's complement, big endian; the first byte's top bit only marks the format.
std::int64_t parse_base256(std::string_view bytes) {
    const bool negative = (static_cast<unsigned char>(bytes[0]) & 0x40) != 0;
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
        unsigned byte = static_cast<unsigned char>(bytes[i]);
        if (i == 0) byte = negative ? byte | 0x80u : byte & 0x7fu;
        const std::uint64_t top = value >> 55;  // what would be shifted out, and the sign
        if (top != 0 && top != 0x1ff) bad_tar("a number is too large");
        value = value << 8 | byte;
    }
    return static_cast<std::int64_t>(value);
}

}  // namespace

void bad_tar(const std::string& why) {
    throw base::IntegrityError("bad tar: " + why);
}

bool is_zero_block(TarBlock block) noexcept {
    return std::all_of(block.begin(), block.end(), [](std::byte b) { return b == std::byte{0}; });
}

std::int64_t parse_tar_number(std::string_view bytes) {
    if (!bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80) != 0)
        return parse_base256(bytes);
    while (!bytes.empty() && bytes.front() == ' ') bytes.remove_prefix(1);
    bytes = bytes.substr(0, bytes.find('\0'));
    while (!bytes.empty() && bytes.back() == ' ') bytes.remove_suffix(1);
    std::int64_t value = 0;
    for (const char digit : bytes) {
        if (digit < '0' || digit > '7') bad_tar("a number is not octal");
        value = value << 3 | (digit - '0');  // 12 digits at most: no overflow
    }
    return value;
}

void parse_tar_header(TarBlock block, TarHeader& header) {
    check_sum(block);
    header.type = static_cast<char>(block[kTypeAt]);
    header.name = text_field(block, kName);
    header.link_name = text_field(block, kLinkName);
    header.mode = static_cast<mode_t>(unsigned_field(block, kMode, "mode")) & 07777;
    header.uid = unsigned_field(block, kUid, "uid");
    header.gid = unsigned_field(block, kGid, "gid");
    header.size_bytes = unsigned_field(block, kSize, "size");
    header.mtime = parse_tar_number(field(block, kMtime));
    header.device_major = 0;
    header.device_minor = 0;
    const std::string_view magic = field(block, kMagic);
    if (!magic.starts_with("ustar")) return;  // version 7: nothing more is there
    if (header.type == '3' || header.type == '4') {
        header.device_major = unsigned_field(block, kMajor, "device number");
        header.device_minor = unsigned_field(block, kMinor, "device number");
    }
    // GNU's magic is "ustar " and it keeps other things where POSIX has the prefix.
    const std::string_view prefix = text_field(block, kPrefix);
    if (magic[5] == '\0' && !prefix.empty()) {
        header.name.insert(0, 1, '/');
        header.name.insert(0, prefix);
    }
}

void check_sparse_map(const SparseMap& map, std::uint64_t real_bytes, std::uint64_t stored_bytes) {
    std::uint64_t end = 0;
    std::uint64_t stored = 0;
    for (const SparsePiece& piece : map) {
        if (piece.offset < end) bad_tar("pieces of a sparse file overlap");
        if (piece.offset > real_bytes || piece.size_bytes > real_bytes - piece.offset)
            bad_tar("a piece of a sparse file is beyond its end");
        end = piece.offset + piece.size_bytes;
        stored += piece.size_bytes;
    }
    if (stored != stored_bytes) bad_tar("the pieces of a sparse file are not its data");
}

bool parse_gnu_sparse(TarBlock block, size_t at, size_t count, SparseMap& map) {
    for (size_t i = 0; i < count; ++i, at += 24) {
        const std::string_view offset = field(block, {at, 12});
        if (offset[0] == '\0') break;
        map.push_back({unsigned_field(block, {at, 12}, "sparse offset"),
                       unsigned_field(block, {at + 12, 12}, "sparse size")});
    }
    return block[count == 4 ? 482 : 504] != std::byte{0};
}

std::uint64_t gnu_sparse_real_size(TarBlock block) {
    return unsigned_field(block, {483, 12}, "size");
}

}  // namespace sandbox::image
