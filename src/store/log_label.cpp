#include "store/log_label.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "sandbox/base/raw.hpp"

namespace sandbox::store {
namespace {

namespace raw = base::raw;

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic("\xC5P\1\0\0\0\0\0", 8);

// fcntl(2): a write lease is granted only while the file is open nowhere else, and holds up whoever
// opens it until it is given back (EWOULDBLOCK with O_NONBLOCK). The owner of the file may have it.
class WriteLease {
  public:
    explicit WriteLease(int fd) noexcept : fd_(fd) {
        // Told of an opener by a signal that harms nobody: the usual one, SIGIO, ends processes.
        held_ = raw::fcntl(fd, F_SETSIG, SIGCHLD) == 0 && raw::fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
    }
    ~WriteLease() {
        if (held_) (void)raw::fcntl(fd_, F_SETLEASE, F_UNLCK);
    }
    WriteLease(const WriteLease&) = delete;
    WriteLease& operator=(const WriteLease&) = delete;
    [[nodiscard]] bool held() const noexcept { return held_; }

  private:
    int fd_;
    bool held_ = false;
};

}  // namespace

std::optional<PieceLabel> try_label(int fd) noexcept {
    constexpr int kTries = 1000;
    PieceLabel label;
    for (int i = 0; i < kTries; ++i) {
        std::array<char, kLabelBytes> bytes{};
        if (raw::pread(fd, bytes.data(), bytes.size(), 0) != long{kLabelBytes}) return std::nullopt;
        if (std::string_view(bytes.data(), kMagic.size()) != kMagic) return std::nullopt;
        std::uint64_t complement = 0;
        std::memcpy(&label.number, bytes.data() + 8, sizeof label.number);
        std::memcpy(&label.end_bytes, bytes.data() + 16, sizeof label.end_bytes);
        std::memcpy(&complement, bytes.data() + 24, sizeof complement);
        if (complement == ~label.end_bytes) return label;
    }
    label.end_bytes = kLabelBytes;  // damaged
    return label;
}

int write_label(int fd, const PieceLabel& label) noexcept {
    std::array<char, kLabelBytes> bytes{};
    kMagic.copy(bytes.data(), kMagic.size());
    std::memcpy(bytes.data() + 8, &label.number, sizeof label.number);
    const std::uint64_t complement = ~label.end_bytes;
    std::memcpy(bytes.data() + 16, &label.end_bytes, sizeof label.end_bytes);
    std::memcpy(bytes.data() + 24, &complement, sizeof complement);
    const long count = raw::pwrite(fd, bytes.data(), bytes.size(), 0);
    return count == long{kLabelBytes} ? 0 : count < 0 ? static_cast<int>(count) : -EIO;
}

PieceExtent extent_of(int fd, std::uint64_t size_bytes) noexcept {
    const auto label = try_label(fd);
    if (!label) return {0, size_bytes};
    const std::uint64_t end = std::min(label->end_bytes, size_bytes);
    return {kLabelBytes, std::max<std::uint64_t>(end, kLabelBytes)};
}

base::UniqueFd try_recycle(int dir_fd, const std::string& from, const std::string& to,
                           std::uint64_t number) noexcept {
    base::UniqueFd file(
        raw::openat(dir_fd, from.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0) return {};
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1) return {};
    char first = 0;
    // From the disk, if need be, before anybody may have to wait for the lease.
    if (raw::pread(file.get(), &first, 1, 0) < 0) return {};
    const WriteLease lease(file.get());
    if (!lease.held()) return {};
    // In this order: who is killed between the two leaves an older piece with nothing in it.
    if (write_label(file.get(), {.number = number}) != 0) return {};
    if (raw::renameat2(dir_fd, from.c_str(), dir_fd, to.c_str(), RENAME_NOREPLACE) != 0) return {};
    return file;
}

}  // namespace sandbox::store
