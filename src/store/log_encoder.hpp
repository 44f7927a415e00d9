// The two forms of a log, as their writer (log_store.hpp, LogWriter) uses them.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "sandbox/base/page_buffer.hpp"
#include "sandbox/store/log_store.hpp"
#include "store/log_format.hpp"

namespace sandbox::store {

class LogEncoder {
  public:
    virtual ~LogEncoder() = default;
    LogEncoder(const LogEncoder&) = delete;
    LogEncoder& operator=(const LogEncoder&) = delete;

    // As LogWriter's.
    virtual void append(LogStream stream, std::string_view bytes,
                        base::Timestamp time) noexcept = 0;
    virtual void flush_partial(base::Timestamp time) noexcept = 0;
    [[nodiscard]] virtual bool has_partial() const noexcept = 0;
    virtual void release_memory() noexcept = 0;
    // As LogWriter::good_read_bytes().
    [[nodiscard]] virtual size_t good_read_bytes(LogStream stream, size_t most) const noexcept = 0;
    [[nodiscard]] virtual const LogLoss& lost() const noexcept = 0;

  protected:
    LogEncoder() = default;
};

[[nodiscard]] std::unique_ptr<LogEncoder> make_text_encoder(int container_dir_fd,
                                                            const LogOptions& options);
[[nodiscard]] std::unique_ptr<LogEncoder> make_chunk_encoder(int container_dir_fd,
                                                             const LogOptions& options);

// Text of stdout and stderr whose line has not ended.
class PartialLines {
  public:
    [[nodiscard]] std::string_view of(LogStream stream) const noexcept {
        const auto index = static_cast<size_t>(stream);
        return {text_.data() + index * log_format::kMaxTextBytes, sizes_[index]};
    }
    // Together at most log_format::kMaxTextBytes.
    void add(LogStream stream, std::string_view bytes) noexcept {
        size_t& size = sizes_[static_cast<size_t>(stream)];
        const size_t start = static_cast<size_t>(stream) * log_format::kMaxTextBytes + size;
        bytes.copy(text_.data() + start, bytes.size());
        size += bytes.size();
    }
    void clear(LogStream stream) noexcept { sizes_[static_cast<size_t>(stream)] = 0; }
    [[nodiscard]] bool empty() const noexcept { return sizes_[0] == 0 && sizes_[1] == 0; }
    void release_memory() noexcept {
        if (empty()) text_.release();
    }

  private:
    base::PageBuffer text_{2 * log_format::kMaxTextBytes};
    std::array<size_t, 2> sizes_{};
};

}  // namespace sandbox::store
