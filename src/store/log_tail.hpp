// Where the last lines of a log begin: its pieces are looked at from the youngest on, each from its
// end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/store/log_store.hpp"
#include "store/log_label.hpp"

namespace sandbox::store {

struct TailStart {
    std::uint64_t offset = 0;  // of a record or a chunk in its piece
    size_t skip = 0;           // bytes of that chunk's text
};

// The last `lines` lines that are not younger than `until` (as text; empty: all).
class BackwardScan {
  public:
    BackwardScan(std::uint64_t lines, std::string until) : left_(lines), until_(std::move(until)) {}

    // Takes the lines that it has found off what is left. Absent: the beginning is not in this
    // piece, all of it is wanted.
    [[nodiscard]] std::optional<TailStart> scan(int fd);

  private:
    std::optional<TailStart> scan_text(int fd, std::uint64_t size);
    std::optional<std::uint64_t> take_records(std::uint64_t begin, std::string& text);
    [[nodiscard]] std::optional<LogRecord> parse(std::string_view record) const;
    [[nodiscard]] bool is_line(std::string_view record);
    void count_line(std::string_view record);
    std::optional<TailStart> scan_chunks(int fd, const PieceExtent& extent);
    std::optional<size_t> take_chunk(std::string_view text);

    std::uint64_t left_;
    std::string until_;
    bool seen_end_ = false;
};

}  // namespace sandbox::store
