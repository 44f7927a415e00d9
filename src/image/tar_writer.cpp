#include "tar_writer.hpp"

#include <sys/sendfile.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kMaxName = 100;
constexpr std::uint64_t kMaxOctalSize = 077777777777;  // eleven digits
constexpr size_t kBufferBytes = 256u << 10;

using Block = std::array<char, kBlock>;

void put(Block& block, size_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
}

std::string octal(std::uint64_t value, int digits) {
    std::array<char, 24> text{};
    const int length = std::snprintf(text.data(), text.size(), "%0*llo", digits,
                                     static_cast<unsigned long long>(value));
    return {text.data(), static_cast<size_t>(length)};
}

void put_size(Block& block, std::uint64_t size) {
    constexpr size_t kAt = 124, kSize = 12;
    if (size <= kMaxOctalSize) {
        put(block, kAt, octal(size, 11));
        return;
    }
    block[kAt] = static_cast<char>(0x80);
    for (size_t i = kAt + kSize - 1; size != 0; --i, size >>= 8U) {
        block[i] = static_cast<char>(size & 0xffU);
    }
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

void TarWriter::write_header(const std::string& name, char type, std::uint64_t size_bytes) {
    if (name.size() > kMaxName) throw base::Error("too long a name: " + base::quote(name));
    Block block{};
    put(block, 0, name);
    put(block, 100, type == '5' ? "0000755" : "0000644");
    put(block, 108, "0000000");  // uid
    put(block, 116, "0000000");  // gid
    put_size(block, size_bytes);
    put(block, 136, "00000000000");  // mtime
    put(block, 148, "        ");     // the checksum counts as blanks
    block[156] = type;
    put(block, 257, std::string_view("ustar\00000", 8));
    std::uint64_t sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    put(block, 148, octal(sum, 6) + std::string(1, '\0') + " ");
    base::write_all(out_fd_, {block.data(), block.size()});
}

void TarWriter::pad(std::uint64_t size_bytes) {
    const size_t rest = static_cast<size_t>(size_bytes % kBlock);
    if (rest == 0) return;
    const Block zeros{};
    base::write_all(out_fd_, {zeros.data(), kBlock - rest});
}

void TarWriter::add_dir(const std::string& name) {
    write_header(name + "/", '5', 0);
}

void TarWriter::add_file(const std::string& name, std::string_view content) {
    write_header(name, '0', content.size());
    base::write_all(out_fd_, content);
    pad(content.size());
}

void TarWriter::add_file(const std::string& name, int fd, std::uint64_t size_bytes) {
    write_header(name, '0', size_bytes);
    copy_bytes(fd, out_fd_, size_bytes, name);
    pad(size_bytes);
}

void TarWriter::finish() {
    const std::array<char, 2 * kBlock> zeros{};
    base::write_all(out_fd_, {zeros.data(), zeros.size()});
}

}  // namespace sandbox::image
