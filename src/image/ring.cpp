#include "image/ring.hpp"

#include <cstdlib>
#include <new>

namespace sandbox::image {

void Ring::FreeDelete::operator()(void* pointer) const noexcept {
    std::free(pointer);
}

Ring::Ring(size_t blocks, size_t block_bytes) : block_bytes_(block_bytes), used_(blocks) {
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(4096, blocks * block_bytes)));
    if (!memory_) throw std::bad_alloc();
}

std::span<std::byte> Ring::acquire() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return abandoned_ || published_ - released_ < used_.size(); });
    if (abandoned_) return {};
    return {memory_.get() + (published_ % used_.size()) * block_bytes_, block_bytes_};
}

void Ring::publish(size_t used_bytes) {
    {
        const std::lock_guard lock(mutex_);
        used_[published_ % used_.size()] = used_bytes;
        ++published_;
    }
    changed_.notify_one();
}

void Ring::finish(End how) {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        failed_ = how == End::failed;
    }
    changed_.notify_one();
}

std::span<const std::byte> Ring::next() {
    std::unique_lock lock(mutex_);
    if (holding_) {
        holding_ = false;
        ++released_;
        changed_.notify_one();
    }
    changed_.wait(lock, [&] { return ended_ || published_ > released_; });
    if (published_ == released_ || failed_) return {};
    holding_ = true;
    const size_t slot = released_ % used_.size();
    return {memory_.get() + slot * block_bytes_, used_[slot]};
}

bool Ring::failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
}

void Ring::abandon() {
    {
        const std::lock_guard lock(mutex_);
        abandoned_ = true;
    }
    changed_.notify_one();
}

}  // namespace sandbox::image
