#include "image/blob_feed.hpp"

#include <linux/futex.h>
#include <sys/mman.h>

#include <climits>
#include <new>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;

static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen) noexcept {
    // EAGAIN: it changed meanwhile; EINTR: looked at again by the caller's loop.
    (void)raw::call(SYS_futex, raw::ptr(&word), FUTEX_WAIT, static_cast<long>(seen));
}

}  // namespace

SharedFeed::SharedFeed() {
    void* memory = ::mmap(nullptr, sizeof(FeedPage), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw base::SysError(errno, "map a shared page");
    page_ = ::new (memory) FeedPage;
}

SharedFeed::~SharedFeed() {
    (void)::munmap(page_, sizeof(FeedPage));
}

void SharedFeed::changed() noexcept {
    page_->changes.fetch_add(1);
    if (page_->waiting.exchange(0) != 0)
        (void)raw::call(SYS_futex, raw::ptr(&page_->changes), FUTEX_WAKE, INT_MAX);
}

void SharedFeed::announce(std::uint64_t available_bytes) noexcept {
    page_->available_bytes.store(available_bytes);
    changed();
}

void SharedFeed::end(std::uint64_t size_bytes) noexcept {
    page_->available_bytes.store(size_bytes);
    page_->ended.store(1);
    changed();
}

void SharedFeed::maps_written() noexcept {
    page_->ready.store(1);
    changed();
}

void SharedFeed::wait_for_maps() noexcept {
    for (;;) {
        const std::uint32_t seen = page_->changes.load();
        page_->waiting.store(1);
        if (page_->ready.load() != 0) return;
        futex_wait(page_->changes, seen);
    }
}

SharedFeed::State SharedFeed::wait_beyond(std::uint64_t position) noexcept {
    for (;;) {
        const std::uint32_t seen = page_->changes.load();
        page_->waiting.store(1);
        const bool ended = page_->ended.load() != 0;  // before the size: it is stored after it
        const std::uint64_t available = page_->available_bytes.load();
        if (ended || available > position) {
            page_->waiting.store(0);
            return {available, ended};
        }
        futex_wait(page_->changes, seen);
    }
}

}  // namespace sandbox::image
