// The pieces of a tar header: fields of the 512-byte block, pax records, sparse maps. Pure
// functions over bytes; all of them throw IntegrityError on what they cannot understand.
// POSIX.1-2001 pax(1) "ustar Interchange Format" and "pax Header Block"; GNU tar's manual, "Basic
// Tar Format" and "Storing Sparse Files".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/tar_reader.hpp"

namespace sandbox::image {

inline constexpr size_t kTarBlockBytes = 512;

[[noreturn]] void bad_tar(const std::string& why);

// One header block, checked against its checksum.
struct TarHeader {
    char type = '0';
    std::string name;  // prefix and name joined
    std::string link_name;
    mode_t mode = 0;
    std::uint64_t uid = 0;
    std::uint64_t gid = 0;
    std::uint64_t size_bytes = 0;
    std::int64_t mtime = 0;
    std::uint64_t device_major = 0;
    std::uint64_t device_minor = 0;
};
using TarBlock = std::span<const std::byte, kTarBlockBytes>;
[[nodiscard]] bool is_zero_block(TarBlock block) noexcept;
void parse_tar_header(TarBlock block, TarHeader& header);

// An octal field, or GNU's base 256. Empty is 0.
[[nodiscard]] std::int64_t parse_tar_number(std::string_view field);

// A piece of a sparse file: where in the file, and how long.
struct SparsePiece {
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
};
using SparseMap = std::vector<SparsePiece>;
// Ascending, without overlap, inside of `real_bytes`; all pieces together are `stored_bytes`.
void check_sparse_map(const SparseMap& map, std::uint64_t real_bytes, std::uint64_t stored_bytes);
// Old GNU: 4 pieces in a header at 386, or 21 in an extension block at 0. Answers whether another
// extension block follows.
bool parse_gnu_sparse(TarBlock block, size_t at, size_t count, SparseMap& map);
[[nodiscard]] std::uint64_t gnu_sparse_real_size(TarBlock block);

// What pax records say about one entry.
struct PaxRecords {
    std::optional<std::string> path;
    std::optional<std::string> link_path;
    std::optional<std::uint64_t> size_bytes;
    std::optional<std::uint64_t> uid;
    std::optional<std::uint64_t> gid;
    std::optional<std::pair<std::int64_t, std::uint32_t>> mtime;
    std::vector<TarXattr> xattrs;
    // GNU.sparse.*
    std::optional<std::string> sparse_name;
    std::optional<std::uint64_t> sparse_real_bytes;
    std::uint64_t sparse_major = 0;
    SparseMap sparse_map;  // versions 0.0 and 0.1
    bool sparse = false;
};
void parse_pax_records(std::string_view text, PaxRecords& records);

}  // namespace sandbox::image
