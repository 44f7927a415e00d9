#include "engine/attach/frames.hpp"

#include <algorithm>

#include "sandbox/base/error.hpp"

namespace sandbox::engine {

void FrameReader::feed(std::string_view bytes,
                       const std::function<void(int, std::string_view)>& take) {
    while (!bytes.empty()) {
        if (left_ > 0) {
            const size_t count = std::min<size_t>(left_, bytes.size());
            take(header_[0], bytes.substr(0, count));
            bytes.remove_prefix(count);
            left_ -= static_cast<std::uint32_t>(count);
            continue;
        }
        header_[header_bytes_++] = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        if (header_bytes_ < header_.size()) continue;
        header_bytes_ = 0;
        if (header_[0] != 1 && header_[0] != 2) {
            throw base::IntegrityError("the container's stream is not what it should be");
        }
        left_ = std::uint32_t{header_[4]} << 24 | std::uint32_t{header_[5]} << 16 |
                std::uint32_t{header_[6]} << 8 | header_[7];
    }
}

}  // namespace sandbox::engine
