// A buffer in pages of its own, which go back to the kernel while nobody needs them. For processes
// that stay and are idle most of the time.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>

#include "sandbox/base/error.hpp"

namespace sandbox::base {

class PageBuffer {
  public:
    explicit PageBuffer(size_t size_bytes) : size_(size_bytes) {
        void* const at =
            ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) throw SysError(errno, "make room for a buffer");
        data_ = static_cast<char*>(at);
    }
    PageBuffer(const PageBuffer&) = delete;
    PageBuffer& operator=(const PageBuffer&) = delete;
    ~PageBuffer() { (void)::munmap(data_, size_); }

    [[nodiscard]] char* data() const noexcept { return data_; }
    [[nodiscard]] size_t size() const noexcept { return size_; }
    // The content is zeros afterwards.
    void release() noexcept { (void)::madvise(data_, size_, MADV_DONTNEED); }

  private:
    char* data_ = nullptr;
    size_t size_;
};

}  // namespace sandbox::base
