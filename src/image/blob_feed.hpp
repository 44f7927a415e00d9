// How far a blob on disk has come, told by the parent to the unpacking child through one shared
// page: the parent stores, the child waits by futex(2). The parent never waits and never reads
// what the child could have written, except to learn whether a wake-up is wanted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::image {

struct FeedPage {
    std::atomic<std::uint64_t> available_bytes{0};
    std::atomic<std::uint32_t> changes{0};  // the futex word
    std::atomic<std::uint32_t> waiting{0};
    std::atomic<std::uint32_t> ended{0};
    std::atomic<std::uint32_t> ready{0};  // the id maps are written: the child may begin
};

class SharedFeed {
  public:
    SharedFeed();  // an anonymous shared page, inherited by clone
    SharedFeed(const SharedFeed&) = delete;
    SharedFeed& operator=(const SharedFeed&) = delete;
    ~SharedFeed();

    // Parent. None of them blocks.
    void announce(std::uint64_t available_bytes) noexcept;
    void end(std::uint64_t size_bytes) noexcept;
    void maps_written() noexcept;

    // Child. The parent's death ends the child (PR_SET_PDEATHSIG), so the waits need no time limit.
    void wait_for_maps() noexcept;
    struct State {
        std::uint64_t available_bytes;
        bool ended;
    };
    // Waits until more than `position` is there or the blob has ended.
    [[nodiscard]] State wait_beyond(std::uint64_t position) noexcept;

  private:
    void changed() noexcept;
    FeedPage* page_;
};

}  // namespace sandbox::image
