#include "store/log_loss.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <string>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "store/log_format.hpp"

namespace sandbox::store {
namespace {

namespace raw = base::raw;

constexpr size_t kFileBytes = 64;

std::string loss_path() {
    return std::string(log_format::kDirName) + "/lost";
}

LogLoss parse(std::string_view text) {
    const auto words = base::split(base::trim(text), ' ');
    if (words.size() != 3) return {};
    return {base::try_parse_u64(words[0]).value_or(0), base::try_parse_u64(words[1]).value_or(0),
            static_cast<int>(base::try_parse_u64(words[2]).value_or(0))};
}

LogLoss read(int fd) {
    std::array<char, kFileBytes> text{};
    const long count = raw::pread(fd, text.data(), text.size(), 0);
    return count <= 0 ? LogLoss{} : parse({text.data(), static_cast<size_t>(count)});
}

}  // namespace

LossCounter::LossCounter(int container_dir_fd) {
    base::make_dir_at(container_dir_fd, log_format::kDirName, 0700);
    const int fd = raw::openat(container_dir_fd, loss_path().c_str(),
                               O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return;  // then it is only counted in memory
    fd_.reset(fd);
    total_ = read(fd);
    if (total_.bytes == 0) {
        const std::string blank(kFileBytes, ' ');
        (void)raw::pwrite(fd, blank.data(), blank.size(), 0);
    }
}

void LossCounter::add(LogLoss loss) noexcept {
    if (loss.bytes == 0) return;
    loss.lines = std::max<std::uint64_t>(loss.lines, 1);
    untold_.lines += loss.lines;
    untold_.bytes += loss.bytes;
    untold_.errnum = loss.errnum;
    total_.lines += loss.lines;
    total_.bytes += loss.bytes;
    total_.errnum = loss.errnum;
    if (!fd_) return;
    std::array<char, kFileBytes> text{};
    const int length = std::snprintf(text.data(), text.size(), "%llu %llu %d",
                                     static_cast<unsigned long long>(total_.lines),
                                     static_cast<unsigned long long>(total_.bytes), total_.errnum);
    // Padded: what is there may be longer, and the file's size stays.
    for (auto i = static_cast<size_t>(length); i < text.size(); ++i) text[i] = ' ';
    (void)raw::pwrite(fd_.get(), text.data(), kFileBytes, 0);
}

LossNotice make_notice(const LogLoss& loss, char end) noexcept {
    LossNotice notice;
    const int length =
        std::snprintf(notice.text.data(), notice.text.size() - 1,
                      "%llu lines (%llu bytes) are missing here: %.60s",
                      static_cast<unsigned long long>(loss.lines),
                      static_cast<unsigned long long>(loss.bytes), ::strerror(loss.errnum));
    notice.bytes = static_cast<size_t>(std::max(length, 0));
    if (end != 0) notice.text[notice.bytes++] = end;
    return notice;
}

LogLoss read_loss(int container_dir_fd) {
    const auto fd =
        base::try_open_at(container_dir_fd, loss_path(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    return fd ? read(fd->get()) : LogLoss{};
}

}  // namespace sandbox::store
