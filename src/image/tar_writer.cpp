#include "image/tar_writer.hpp"

#include <sys/sendfile.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "image/pax_writer.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

constexpr size_t kMaxName = 100;
constexpr size_t kMaxPrefix = 155;
constexpr std::uint64_t kMaxOctal7 = 07777777;
constexpr std::uint64_t kMaxOctal11 = 077777777777;
constexpr size_t kBufferBytes = 256u << 10;
constexpr std::uint64_t kInKernelBytes = 128u << 10;  // below it a copy is cheaper

using Block = std::array<char, kTarBlockBytes>;

void put(Block& block, size_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
}

std::string octal(std::uint64_t value, int digits) {
    std::array<char, 32> text{};
    const int length = std::snprintf(text.data(), text.size(), "%0*llo", digits,
                                     static_cast<unsigned long long>(value));
    return {text.data(), static_cast<size_t>(length)};
}

// Where a name is cut into ustar's prefix and name; absent when it cannot be.
std::optional<size_t> split_at(std::string_view name) {
    if (name.size() <= kMaxName) return 0;
    if (name.size() > kMaxPrefix + 1 + kMaxName) return std::nullopt;
    // The last slash that leaves a name which is short enough, and not empty.
    const size_t slash = name.find('/', name.size() - kMaxName - 1);
    if (slash == std::string_view::npos || slash > kMaxPrefix || slash == 0 ||
        slash + 1 == name.size()) {
        return std::nullopt;
    }
    return slash;
}

char type_letter(EntryType type) {
    switch (type) {
        case EntryType::file:
            return '0';
        case EntryType::directory:
            return '5';
        case EntryType::symlink:
            return '2';
        case EntryType::hard_link:
            return '1';
        case EntryType::fifo:
            return '6';
        case EntryType::char_device:
            return '3';
        case EntryType::block_device:
            return '4';
        case EntryType::socket:
            break;
    }
    throw base::Error("a tar archive cannot hold a socket");
}

bool is_device(EntryType type) {
    return type == EntryType::char_device || type == EntryType::block_device;
}

// What the ustar header cannot say, as pax records. `name` may be cut by the caller then.
std::string make_pax(const TarEntry& entry, std::string_view name, std::uint64_t stored_bytes) {
    PaxWriter pax;
    if (!split_at(name)) pax.add("path", name);
    if (entry.link_target.size() > kMaxName) pax.add("linkpath", entry.link_target);
    if (stored_bytes > kMaxOctal11) pax.add("size", std::to_string(stored_bytes));
    if (entry.uid > kMaxOctal7) pax.add("uid", std::to_string(entry.uid));
    if (entry.gid > kMaxOctal7) pax.add("gid", std::to_string(entry.gid));
    if (entry.mtime_nanoseconds != 0 || entry.mtime_seconds < 0 ||
        static_cast<std::uint64_t>(entry.mtime_seconds) > kMaxOctal11) {
        pax.add("mtime", pax_time(entry.mtime_seconds, entry.mtime_nanoseconds));
    }
    for (const TarXattr& xattr : entry.xattrs) {
        // A key ends at its first "=".
        if (xattr.name.find('=') == std::string::npos) {
            pax.add("SCHILY.xattr." + xattr.name, xattr.value);
        }
    }
    return std::move(pax).take();
}

std::string name_of(const TarEntry& entry) {
    const bool slash = entry.type == EntryType::directory && !entry.path.ends_with('/');
    return slash ? entry.path + "/" : entry.path;
}

// False: this pair of descriptors cannot (the caller reads and writes).
bool send_in_kernel(int from_fd, int to_fd, std::uint64_t& done, std::uint64_t size,
                    std::string_view what) {
    while (done < size) {
        auto offset = static_cast<off_t>(done);
        const ssize_t rc = ::sendfile(to_fd, from_fd, &offset, size - done);
        if (rc < 0 && errno == EINTR) continue;
        if (rc < 0 && (errno == EINVAL || errno == ENOSYS) && done == 0) return false;
        if (rc < 0) throw base::SysError(errno, "write", what);
        if (rc == 0)
            throw base::IntegrityError(std::string(what) + " is shorter than it should be");
        done += static_cast<std::uint64_t>(rc);
    }
    return true;
}

}  // namespace

void copy_bytes(int from_fd, int to_fd, std::uint64_t size_bytes, std::string_view what) {
    std::uint64_t done = 0;
    if (send_in_kernel(from_fd, to_fd, done, size_bytes, what)) return;
    std::vector<char> buffer(kBufferBytes);
    while (done < size_bytes) {
        const long rc = base::raw::pread(from_fd, buffer.data(),
                                         std::min<std::uint64_t>(buffer.size(), size_bytes - done),
                                         static_cast<std::int64_t>(done));
        if (rc == -EINTR) continue;
        if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read", what);
        if (rc == 0)
            throw base::IntegrityError(std::string(what) + " is shorter than it should be");
        base::write_all(to_fd, {buffer.data(), static_cast<size_t>(rc)});
        done += static_cast<std::uint64_t>(rc);
    }
}

void TarWriter::flush() {
    if (buffer_.empty()) return;
    base::write_all(out_fd_, buffer_);
    buffer_.clear();
}

void TarWriter::append(std::string_view data) {
    bytes_ += data.size();
    if (buffer_.size() + data.size() > kBufferBytes) flush();
    if (data.size() >= kBufferBytes) {
        base::write_all(out_fd_, data);
    } else {
        buffer_ += data;
    }
}

void TarWriter::append_zeros(std::uint64_t size_bytes) {
    static constexpr std::array<char, 16u << 10> kZeros{};
    while (size_bytes > 0) {
        const auto part = static_cast<size_t>(std::min<std::uint64_t>(size_bytes, kZeros.size()));
        append({kZeros.data(), part});
        size_bytes -= part;
    }
}

void TarWriter::pad() {
    const auto rest = static_cast<size_t>(bytes_ % kTarBlockBytes);
    if (rest != 0) append_zeros(kTarBlockBytes - rest);
}

void TarWriter::write_header(const TarEntry& entry, std::string_view name,
                             std::uint64_t stored_bytes, const std::string& pax) {
    const auto fill = [](Block& block, std::string_view shown, char type, std::uint64_t size) {
        const std::optional<size_t> cut = split_at(shown);
        if (!cut) {
            put(block, 0, shown.substr(0, kMaxName));
        } else if (*cut == 0) {
            put(block, 0, shown);
        } else {
            put(block, 345, shown.substr(0, *cut));
            put(block, 0, shown.substr(*cut + 1));
        }
        put(block, 124, octal(size > kMaxOctal11 ? 0 : size, 11));
        block[156] = type;
        put(block, 257, std::string_view("ustar\00000", 8));
    };
    const auto seal = [this](Block& block) {
        put(block, 148, "        ");  // the checksum counts as blanks
        std::uint64_t sum = 0;
        for (const char c : block) sum += static_cast<unsigned char>(c);
        put(block, 148, octal(sum, 6) + std::string(1, '\0') + " ");
        append({block.data(), block.size()});
    };
    if (!pax.empty()) {
        Block block{};
        fill(block, "PaxHeaders/entry", 'x', pax.size());
        put(block, 100, "0000644");
        put(block, 108, "0000000");
        put(block, 116, "0000000");
        put(block, 136, "00000000000");
        seal(block);
        append(pax);
        pad();
    }
    Block block{};
    fill(block, name, type_letter(entry.type), stored_bytes);
    put(block, 100, octal(entry.mode & 07777, 7));
    put(block, 108, octal(entry.uid > kMaxOctal7 ? 0 : entry.uid, 7));
    put(block, 116, octal(entry.gid > kMaxOctal7 ? 0 : entry.gid, 7));
    const bool fits =
        entry.mtime_seconds >= 0 && static_cast<std::uint64_t>(entry.mtime_seconds) <= kMaxOctal11;
    put(block, 136, octal(fits ? static_cast<std::uint64_t>(entry.mtime_seconds) : 0, 11));
    put(block, 157, std::string_view(entry.link_target).substr(0, kMaxName));
    if (is_device(entry.type)) {
        put(block, 329, octal(entry.device_major & kMaxOctal7, 7));
        put(block, 337, octal(entry.device_minor & kMaxOctal7, 7));
    }
    seal(block);
}

void TarWriter::add(const TarEntry& entry) {
    const std::uint64_t stored = entry.type == EntryType::file ? entry.size_bytes : 0;
    const std::string name = name_of(entry);
    write_header(entry, name, stored, make_pax(entry, name, stored));
}

void TarWriter::add_sparse(const TarEntry& entry, const SparseMap& pieces) {
    SparseMap map = pieces;
    const std::uint64_t end = map.empty() ? 0 : map.back().offset + map.back().size_bytes;
    if (end < entry.size_bytes) map.push_back({entry.size_bytes, 0});  // it ends with a hole
    std::string text = std::to_string(map.size()) + "\n";
    std::uint64_t stored = 0;
    for (const SparsePiece& piece : map) {
        text += std::to_string(piece.offset) + "\n" + std::to_string(piece.size_bytes) + "\n";
        stored += piece.size_bytes;
    }
    text.resize((text.size() + kTarBlockBytes - 1) / kTarBlockBytes * kTarBlockBytes, '\0');
    stored += text.size();
    PaxWriter pax;
    pax.add("GNU.sparse.major", "1");
    pax.add("GNU.sparse.minor", "0");
    pax.add("GNU.sparse.name", entry.path);
    pax.add("GNU.sparse.realsize", std::to_string(entry.size_bytes));
    constexpr std::string_view kName = "GNUSparseFile.0/entry";
    write_header(entry, kName, stored, std::move(pax).take() + make_pax(entry, kName, stored));
    append(text);
}

void TarWriter::write_data(std::string_view data) {
    append(data);
}

// Within the kernel; leaves size_bytes at what could not be copied that way.
void TarWriter::copy_large(int fd, std::uint64_t offset, std::uint64_t& size_bytes) {
    flush();
    while (size_bytes > 0) {
        auto at = static_cast<off_t>(offset);
        const ssize_t rc = ::sendfile(out_fd_, fd, &at, size_bytes);
        const int error = errno;
        if (rc < 0 && error == EINTR) continue;
        if (rc < 0 && (error == EINVAL || error == ENOSYS)) return;
        if (rc < 0) throw base::SysError(error, "write the archive");
        if (rc == 0) return;
        const auto moved = static_cast<std::uint64_t>(rc);
        offset += moved;
        bytes_ += moved;
        size_bytes -= moved;
    }
}

std::uint64_t TarWriter::copy_data(int fd, std::uint64_t offset, std::uint64_t size_bytes) {
    std::uint64_t left = size_bytes;
    if (left >= kInKernelBytes) copy_large(fd, offset, left);
    std::vector<char> chunk;
    while (left > 0) {
        if (chunk.empty())
            chunk.resize(static_cast<size_t>(std::min<std::uint64_t>(left, 64u << 10)));
        const long rc =
            base::raw::pread(fd, chunk.data(), std::min<std::uint64_t>(chunk.size(), left),
                             static_cast<std::int64_t>(offset + size_bytes - left));
        if (rc == -EINTR) continue;
        if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read a file");
        if (rc == 0) break;
        append({chunk.data(), static_cast<size_t>(rc)});
        left -= static_cast<std::uint64_t>(rc);
    }
    append_zeros(left);
    return left;
}

void TarWriter::end_data() {
    pad();
}

void TarWriter::add_dir(const std::string& name) {
    TarEntry entry;
    entry.path = name;
    entry.type = EntryType::directory;
    entry.mode = 0755;
    add(entry);
}

void TarWriter::add_file(const std::string& name, std::string_view content) {
    TarEntry entry;
    entry.path = name;
    entry.mode = 0644;
    entry.size_bytes = content.size();
    add(entry);
    append(content);
    pad();
}

void TarWriter::add_file(const std::string& name, int fd, std::uint64_t size_bytes) {
    TarEntry entry;
    entry.path = name;
    entry.mode = 0644;
    entry.size_bytes = size_bytes;
    add(entry);
    if (copy_data(fd, 0, size_bytes) != 0) {
        throw base::IntegrityError(name + " is shorter than it should be");
    }
    pad();
}

void TarWriter::finish() {
    append_zeros(2 * kTarBlockBytes);
    flush();
}

}  // namespace sandbox::image
