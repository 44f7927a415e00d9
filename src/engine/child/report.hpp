// How the child fails: one packet, then the end. And the small things every child file needs.
#pragma once

#include <cstddef>

#include "child/messages.hpp"
#include "child/plan.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine::child {

namespace raw = base::raw;

// Sends the failure to the parent and ends this process. `rc` is -errno.
[[noreturn]] void fail(const Plan& plan, Step step, long rc, std::size_t index = 0) noexcept;
inline void check(const Plan& plan, Step step, long rc, std::size_t index = 0) noexcept {
    if (rc < 0) fail(plan, step, rc, index);
}
void send(const Plan& plan, MessageKind kind, int fd = -1) noexcept;
// At most kNamespaceCount descriptors.
void send_all(const Plan& plan, MessageKind kind, List<int> fds) noexcept;
// Blocks until the parent says so; ends this process when the parent is gone.
void wait_for(const Plan& plan, MessageKind kind) noexcept;

// As fstat(2) shows it; all that we ask for have small numbers.
constexpr dev_t device_number(unsigned major, unsigned minor) noexcept {
    return dev_t{major} << 8 | minor;
}

// Text without libc.
std::size_t text_length(const char* text) noexcept;
bool text_equal(const char* a, const char* b) noexcept;
bool text_starts_with(const char* text, const char* start) noexcept;
// Appends to a buffer of `size` bytes, always terminated. false: it did not fit.
class TextBuffer {
  public:
    TextBuffer(char* data, std::size_t size) noexcept : data_(data), size_(size) { clear(); }
    void clear() noexcept { cut(0); }
    void cut(std::size_t length) noexcept { data_[length_ = length] = '\0'; }
    bool append(const char* text) noexcept;
    bool append(const char* text, std::size_t length) noexcept;
    bool append_number(unsigned long number) noexcept;
    const char* text() const noexcept { return data_; }
    std::size_t length() const noexcept { return length_; }

  private:
    char* data_;
    std::size_t size_;
    std::size_t length_ = 0;
};

}  // namespace sandbox::engine::child
