// Theory. A tar is a row of 512-byte blocks: a header, then the entry's data filled up to a block.
// An entry may be preceded by headers about it: pax records (x), GNU long names (L, K). Global pax
// headers (g) and volume labels (V) are passed over. What the stream gives is handed out as it
// lies: only headers that straddle two of its blocks are copied.
#include "image/tar_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "image/tar_header.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

// Headers about an entry, and sparse maps: far above what any path, attribute or map needs.
constexpr std::uint64_t kMaxExtensionBytes = 1u << 20;
constexpr size_t kMaxSparsePieces = 1u << 18;

std::uint64_t padding_of(std::uint64_t size) {
    return (kTarBlockBytes - size % kTarBlockBytes) % kTarBlockBytes;
}

EntryType type_of(const TarHeader& header, const std::string& path) {
    switch (header.type) {
        case '1':
            return EntryType::hard_link;
        case '2':
            return EntryType::symlink;
        case '3':
            return EntryType::char_device;
        case '4':
            return EntryType::block_device;
        case '5':
        case 'D':
            return EntryType::directory;
        case '6':
            return EntryType::fifo;
        case 'M':
            bad_tar("a file that began on another volume: " + base::quote(path));
        default:
            break;
    }
    // Version 7 had no type for directories; and POSIX wants unknown types to be read as files.
    return path.ends_with('/') ? EntryType::directory : EntryType::file;
}

}  // namespace

struct TarReader::Impl {
    NextBlock next_block;
    std::span<const std::byte> span;  // what is left of the stream's current block
    bool stream_ended = false;
    bool archive_ended = false;
    std::array<std::byte, kTarBlockBytes> scratch{};
    TarHeader header;
    PaxRecords pax;
    std::optional<std::string> long_name;
    std::optional<std::string> long_link;

    // The current entry's data.
    std::uint64_t stored_left = 0;  // bytes in the stream, without padding
    std::uint64_t padding = 0;
    SparseMap map;
    size_t piece = 0;              // of the map
    std::uint64_t piece_done = 0;  // bytes of that piece

    // False at the end of the stream.
    bool fill() {
        while (span.empty() && !stream_ended) {
            span = next_block();
            stream_ended = span.empty();
        }
        return !span.empty();
    }

    std::span<const std::byte> take_some(std::uint64_t most) {
        if (!fill()) bad_tar("it is truncated");
        const auto size = static_cast<size_t>(std::min<std::uint64_t>(most, span.size()));
        const std::span<const std::byte> taken = span.first(size);
        span = span.subspan(size);
        return taken;
    }

    void skip(std::uint64_t size) {
        while (size > 0) size -= take_some(size).size();
    }

    // That of the last entry may be missing: umoci-insert(1) ends its layers so, and Go's reader,
    // by which the field judges, takes it.
    void skip_padding() {
        while (padding > 0 && fill()) padding -= take_some(padding).size();
        padding = 0;
    }

    // Good until the next call.
    TarBlock take_block() {
        if (span.size() >= kTarBlockBytes) {
            const TarBlock block = span.first<kTarBlockBytes>();
            span = span.subspan(kTarBlockBytes);
            return block;
        }
        size_t filled = 0;
        while (filled < kTarBlockBytes) {
            const std::span<const std::byte> piece_bytes = take_some(kTarBlockBytes - filled);
            std::memcpy(scratch.data() + filled, piece_bytes.data(), piece_bytes.size());
            filled += piece_bytes.size();
        }
        return TarBlock(scratch);
    }

    std::string take_text(std::uint64_t size) {
        if (size > kMaxExtensionBytes) bad_tar("a header is too large");
        std::string text;
        text.reserve(static_cast<size_t>(size));
        while (text.size() < size) {
            const std::span<const std::byte> bytes = take_some(size - text.size());
            text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        }
        skip(padding_of(size));
        return text;
    }

    std::string take_long_name() {
        std::string text = take_text(header.size_bytes);
        text.resize(std::min(text.size(), text.find('\0')));
        return text;
    }

    // Reads up to a header that is an entry. False at the end of the archive.
    bool take_header() {
        pax = PaxRecords{};
        long_name.reset();
        long_link.reset();
        bool extended = false;
        for (;;) {
            if (!fill()) {
                if (extended) bad_tar("it ends within an entry's headers");
                return false;
            }
            const TarBlock block = take_block();
            if (is_zero_block(block)) return false;
            parse_tar_header(block, header);
            switch (header.type) {
                case 'x':
                case 'X':
                    parse_pax_records(take_text(header.size_bytes), pax);
                    break;
                case 'L':
                    long_name = take_long_name();
                    break;
                case 'K':
                    long_link = take_long_name();
                    break;
                case 'g':
                case 'V':
                    skip(header.size_bytes);
                    skip(padding_of(header.size_bytes));
                    continue;
                default:
                    begin_gnu_sparse(block);
                    return true;
            }
            extended = true;
        }
    }

    // Old GNU sparse files carry their map in the header and in blocks right behind it. The block
    // is gone after this.
    void begin_gnu_sparse(TarBlock block) {
        map.clear();
        if (header.type != 'S') return;
        pax.sparse = true;
        pax.sparse_real_bytes = gnu_sparse_real_size(block);
        bool more = parse_gnu_sparse(block, 386, 4, map);
        while (more) {
            if (map.size() > kMaxSparsePieces) bad_tar("a sparse file has too many pieces");
            more = parse_gnu_sparse(take_block(), 0, 21, map);
        }
        pax.sparse_map = map;
    }

    // Version 1.0 of pax sparse files: the map is text in front of the data, filled up to a block.
    void take_sparse_map() {
        std::uint64_t taken = 0;
        std::string_view block_text;
        std::string held;
        const auto line = [&]() -> std::uint64_t {
            std::string digits;
            for (;;) {
                if (block_text.empty()) {
                    if (stored_left < kTarBlockBytes) bad_tar("a sparse map is cut");
                    const TarBlock block = take_block();
                    held.assign(reinterpret_cast<const char*>(block.data()), block.size());
                    block_text = held;
                    taken += kTarBlockBytes;
                    stored_left -= kTarBlockBytes;
                }
                const char c = block_text.front();
                block_text.remove_prefix(1);
                if (c == '\n') break;
                digits += c;
                if (digits.size() > 20) bad_tar("a sparse map is malformed");
            }
            const auto value = base::try_parse_u64(digits);
            if (!value) bad_tar("a sparse map is malformed");
            return *value;
        };
        const std::uint64_t count = line();
        if (count > kMaxSparsePieces) bad_tar("a sparse file has too many pieces");
        pax.sparse_map.clear();
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t offset = line();
            pax.sparse_map.push_back({offset, line()});
        }
    }

    void begin_data(TarEntry& entry) {
        // What is no file has no data, whatever its size field says.
        const bool has_data = entry.type == EntryType::file ||
                              (entry.type == EntryType::directory && header.type != '5');
        const std::uint64_t size = pax.size_bytes.value_or(header.size_bytes);
        stored_left = has_data ? size : 0;
        padding = padding_of(stored_left);
        piece = 0;
        piece_done = 0;
        map.clear();
        entry.size_bytes = entry.type == EntryType::file ? size : 0;
        if (entry.type != EntryType::file) return;
        if (pax.sparse) {
            entry.size_bytes = pax.sparse_real_bytes.value_or(size);
            if (pax.sparse_major == 1) take_sparse_map();
            check_sparse_map(pax.sparse_map, entry.size_bytes, stored_left);
            map = std::move(pax.sparse_map);
        } else {
            map.push_back({0, size});
        }
    }

    void fill_entry(TarEntry& entry) {
        std::string& path = pax.sparse_name ? *pax.sparse_name
                            : pax.path      ? *pax.path
                            : long_name     ? *long_name
                                            : header.name;
        entry.path.swap(path);
        if (entry.path.empty()) bad_tar("an entry without a name");
        entry.type = type_of(header, entry.path);
        std::string& link = pax.link_path ? *pax.link_path
                            : long_link   ? *long_link
                                          : header.link_name;
        entry.link_target.swap(link);
        entry.mode = header.mode;
        entry.uid = pax.uid.value_or(header.uid);
        entry.gid = pax.gid.value_or(header.gid);
        entry.mtime_seconds = pax.mtime ? pax.mtime->first : header.mtime;
        entry.mtime_nanoseconds = pax.mtime ? pax.mtime->second : 0;
        entry.device_major = header.device_major;
        entry.device_minor = header.device_minor;
        entry.xattrs = std::move(pax.xattrs);
    }
};

TarReader::TarReader(NextBlock next_block) : impl_(std::make_unique<Impl>()) {
    impl_->next_block = std::move(next_block);
}

TarReader::~TarReader() = default;

bool TarReader::next(TarEntry& entry) {
    Impl& self = *impl_;
    self.skip(self.stored_left);
    self.stored_left = 0;
    self.skip_padding();
    if (self.archive_ended || !self.take_header()) {
        self.archive_ended = true;
        return false;
    }
    self.fill_entry(entry);
    self.begin_data(entry);
    return true;
}

std::optional<TarReader::DataBlock> TarReader::next_data() {
    Impl& self = *impl_;
    while (self.piece < self.map.size() && self.piece_done == self.map[self.piece].size_bytes) {
        ++self.piece;
        self.piece_done = 0;
    }
    if (self.piece == self.map.size()) return std::nullopt;
    const SparsePiece& piece = self.map[self.piece];
    const std::span<const std::byte> bytes = self.take_some(piece.size_bytes - self.piece_done);
    const DataBlock block{bytes, piece.offset + self.piece_done};
    self.piece_done += bytes.size();
    self.stored_left -= bytes.size();
    return block;
}

void TarReader::drain() {
    Impl& self = *impl_;
    self.span = {};
    while (self.fill()) self.span = {};
}

}  // namespace sandbox::image
