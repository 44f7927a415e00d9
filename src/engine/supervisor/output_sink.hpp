// Where a container's output goes besides its log: an attached client or the caller of a foreground
// run. What a sink cannot take at once it keeps; the hub reads no more of the payload's output
// until every sink is empty again, so that a sink never holds more than one chunk.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sandbox/store/log_store.hpp"

namespace sandbox::engine {

class OutputSink {
  public:
    virtual ~OutputSink() = default;
    OutputSink(const OutputSink&) = delete;
    OutputSink& operator=(const OutputSink&) = delete;

    virtual void put(store::LogStream stream, std::string_view bytes) = 0;
    [[nodiscard]] virtual bool is_blocked() const noexcept = 0;
    // Nothing goes there any more; the hub lets go of it.
    [[nodiscard]] virtual bool is_closed() const noexcept = 0;
    // How much it has passed on; for finding out that it is stuck.
    [[nodiscard]] virtual std::uint64_t passed_bytes() const noexcept = 0;

  protected:
    OutputSink() = default;
};

// Bytes on their way into a descriptor that may not take them yet.
class ByteQueue {
  public:
    [[nodiscard]] bool empty() const noexcept { return begin_ == bytes_.size(); }
    [[nodiscard]] std::string_view view() const noexcept {
        return std::string_view(bytes_).substr(begin_);
    }
    void add(std::string_view bytes) { bytes_.append(bytes); }
    void take(size_t count) {
        begin_ += count;
        if (empty()) clear();
    }
    void clear() {
        begin_ = 0;
        std::string().swap(bytes_);  // gives the memory back, too
    }

  private:
    std::string bytes_;
    size_t begin_ = 0;
};

}  // namespace sandbox::engine
