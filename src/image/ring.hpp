// A ring of large blocks between one producer thread and one consumer thread. Data is written into
// and read out of the blocks in place: nothing is copied on the way.
// Not for: more than one thread on either side.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace sandbox::image {

class Ring {
  public:
    Ring(size_t blocks, size_t block_bytes);

    // Producer: a free block, whole; empty when the consumer has gone. Blocks.
    [[nodiscard]] std::span<std::byte> acquire();
    void publish(size_t used_bytes);  // Must follow acquire(); used_bytes > 0
    enum class End { complete, failed };
    void finish(End how);

    // Consumer: the next filled block; empty at the end. The block stays valid until the next call.
    [[nodiscard]] std::span<const std::byte> next();
    // After next() answered empty: was it the real end?
    [[nodiscard]] bool failed() const;
    void abandon();  // the consumer reads no more

  private:
    struct FreeDelete {
        void operator()(void* pointer) const noexcept;
    };
    size_t block_bytes_;
    std::unique_ptr<std::byte, FreeDelete> memory_;
    std::vector<size_t> used_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t published_ = 0;
    std::uint64_t released_ = 0;
    bool holding_ = false;  // the consumer looks at block released_
    bool ended_ = false;
    bool failed_ = false;
    bool abandoned_ = false;
};

}  // namespace sandbox::image
