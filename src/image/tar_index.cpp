#include "tar_index.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

using base::IntegrityError;

constexpr size_t kBlock = 512;
constexpr size_t kMaxMembers = 100'000;
constexpr std::uint64_t kMaxExtendedBytes = 1u << 20;  // a pax header or a GNU long name

// POSIX ustar: offsets and lengths of the fields.
constexpr size_t kNameAt = 0, kNameSize = 100;
constexpr size_t kSizeAt = 124, kSizeSize = 12;
constexpr size_t kChecksumAt = 148, kChecksumSize = 8;
constexpr size_t kTypeAt = 156;
constexpr size_t kLinkAt = 157, kLinkSize = 100;
constexpr size_t kMagicAt = 257;
constexpr size_t kPrefixAt = 345, kPrefixSize = 155;

using Block = std::array<char, kBlock>;

std::string_view text_field(const Block& block, size_t at, size_t size) {
    const char* start = block.data() + at;
    return {start, ::strnlen(start, size)};
}

std::uint64_t number_field(const Block& block, size_t at, size_t size) {
    const auto first = static_cast<unsigned char>(block[at]);
    std::uint64_t value = 0;
    if ((first & 0x80U) != 0) {  // GNU: big-endian binary
        if (first != 0x80U) throw IntegrityError("bad number in the archive's tar header");
        for (size_t i = at + 1; i < at + size; ++i) {
            if ((value >> 56U) != 0) throw IntegrityError("bad number in the archive's tar header");
            value = (value << 8U) | static_cast<unsigned char>(block[i]);
        }
        return value;
    }
    for (const char c : base::trim(text_field(block, at, size))) {
        if (c < '0' || c > '7' || (value >> 60U) != 0) {
            throw IntegrityError("bad number in the archive's tar header");
        }
        value = value * 8 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

bool checksum_holds(const Block& block) {
    std::uint64_t sum = 0;
    for (size_t i = 0; i < kBlock; ++i) {
        const bool own = i >= kChecksumAt && i < kChecksumAt + kChecksumSize;
        sum += own ? static_cast<unsigned char>(' ') : static_cast<unsigned char>(block[i]);
    }
    try {
        return number_field(block, kChecksumAt, kChecksumSize) == sum;
    } catch (const IntegrityError&) {
        return false;
    }
}

std::string normalise(std::string_view name) {
    std::vector<std::string> parts;
    for (std::string& part : base::split(name, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (!parts.empty()) parts.pop_back();
            continue;
        }
        parts.push_back(std::move(part));
    }
    return base::join(parts, "/");
}

struct Extended {
    std::optional<std::string> name;
    std::optional<std::string> link;
    std::optional<std::uint64_t> size;
};

// "LENGTH KEY=VALUE\n", again and again. pax(1).
void read_pax(std::string_view text, Extended& extended) {
    while (!text.empty()) {
        const size_t blank = text.find(' ');
        const auto length = base::try_parse_u64(text.substr(0, std::min(blank, text.size())));
        if (blank == std::string_view::npos || !length || *length <= blank + 1 ||
            *length > text.size()) {
            throw IntegrityError("bad pax header in the archive");
        }
        const std::string_view record = text.substr(blank + 1, *length - blank - 2);
        text.remove_prefix(*length);
        const size_t equals = record.find('=');
        if (equals == std::string_view::npos) throw IntegrityError("bad pax header in the archive");
        const std::string_view key = record.substr(0, equals);
        const std::string_view value = record.substr(equals + 1);
        if (key == "path") extended.name = value;
        if (key == "linkpath") extended.link = value;
        if (key == "size") {
            extended.size = base::try_parse_u64(value);
            if (!extended.size) throw IntegrityError("bad size in the archive's pax header");
        }
    }
}

class Indexer {
  public:
    explicit Indexer(int fd) : fd_(fd) {
        struct stat info {};
        if (::fstat(fd, &info) != 0) throw base::SysError(errno, "look at", "the archive");
        end_ = static_cast<std::uint64_t>(info.st_size);
    }

    std::map<std::string, TarMember> run() {
        Block block{};
        bool first = true;
        while (position_ + kBlock <= end_) {
            read_exactly(block.data(), kBlock, position_);
            position_ += kBlock;
            const bool blank =
                std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; });
            if (blank) break;
            if (!checksum_holds(block)) {
                throw IntegrityError(first ? "not a tar archive" : "bad checksum in the archive");
            }
            first = false;
            take(block);
        }
        if (first && members_.empty()) throw IntegrityError("not a tar archive");
        return std::move(members_);
    }

  private:
    void take(const Block& block) {
        const char type = block[kTypeAt];
        const bool is_extended = type == 'x' || type == 'g' || type == 'L' || type == 'K';
        const std::uint64_t own_size = number_field(block, kSizeAt, kSizeSize);
        const std::uint64_t size = is_extended ? own_size : extended_.size.value_or(own_size);
        if (size > end_ - position_) throw IntegrityError("the archive is cut off");
        if (is_extended) {
            if (size > kMaxExtendedBytes) throw IntegrityError("too large a header in the archive");
            std::string text(size, '\0');
            read_exactly(text.data(), size, position_);
            if (type == 'x') read_pax(text, extended_);
            if (type == 'L') extended_.name = text.substr(0, ::strnlen(text.data(), size));
            if (type == 'K') extended_.link = text.substr(0, ::strnlen(text.data(), size));
        } else {
            add(block, type, size);
            extended_ = {};
        }
        position_ += (size + kBlock - 1) / kBlock * kBlock;
    }

    void add(const Block& block, char type, std::uint64_t size) {
        std::string name(text_field(block, kNameAt, kNameSize));
        const bool ustar = std::memcmp(block.data() + kMagicAt, "ustar", 6) == 0;
        const std::string_view prefix =
            ustar ? text_field(block, kPrefixAt, kPrefixSize) : std::string_view();
        if (!prefix.empty()) name = std::string(prefix) + "/" + name;
        name = normalise(extended_.name.value_or(name));
        TarMember member{position_, size, {}};
        if (type == '1' || type == '2') {
            const std::string target =
                extended_.link.value_or(std::string(text_field(block, kLinkAt, kLinkSize)));
            const size_t slash = name.rfind('/');
            const std::string dir = slash == std::string::npos ? "" : name.substr(0, slash + 1);
            member.link_target = normalise(type == '2' ? dir + target : target);
        } else if (type != '0' && type != '\0' && type != '7') {
            return;  // directories and what no image archive has
        }
        if (members_.size() >= kMaxMembers) throw IntegrityError("too many files in the archive");
        members_.insert_or_assign(std::move(name), std::move(member));
    }

    void read_exactly(char* data, std::uint64_t size, std::uint64_t offset) const {
        while (size > 0) {
            const long rc = base::raw::pread(fd_, data, size, static_cast<std::int64_t>(offset));
            if (rc == -EINTR) continue;
            if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read", "the archive");
            if (rc == 0) throw IntegrityError("the archive is cut off");
            data += rc;
            size -= static_cast<std::uint64_t>(rc);
            offset += static_cast<std::uint64_t>(rc);
        }
    }

    int fd_;
    std::uint64_t end_ = 0;
    std::uint64_t position_ = 0;
    Extended extended_;
    std::map<std::string, TarMember> members_;
};

}  // namespace

std::map<std::string, TarMember> index_tar(int fd) {
    return Indexer(fd).run();
}

bool looks_like_tar(const char* first_block, size_t size_bytes) noexcept {
    if (size_bytes < kBlock) return false;
    Block block{};
    std::copy_n(first_block, kBlock, block.begin());
    return checksum_holds(block);
}

}  // namespace sandbox::image
