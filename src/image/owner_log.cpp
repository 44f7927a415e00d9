#include "image/owner_log.hpp"

#include "sandbox/base/fs.hpp"

namespace sandbox::image {

void OwnerLog::record(std::uint64_t uid, std::uint64_t gid, std::string_view path) {
    if (fd_ < 0) return;
    buffer_ += std::to_string(uid);
    buffer_ += ' ';
    buffer_ += std::to_string(gid);
    buffer_ += ' ';
    buffer_ += path;
    buffer_ += '\0';
    if (buffer_.size() >= 64u << 10) flush();
}

void OwnerLog::flush() {
    if (fd_ < 0 || buffer_.empty()) return;
    base::write_all(fd_, buffer_);
    buffer_.clear();
}

}  // namespace sandbox::image
