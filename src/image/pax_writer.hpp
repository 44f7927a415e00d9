// pax records: "LENGTH KEY=VALUE\n", LENGTH counting all of it. POSIX.1-2001 pax(1).
// The standard wants UTF-8 or a record "hdrcharset"; GNU tar warns of that one, and every tar reads
// names as the bytes they are, so bytes are what is written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sandbox::image {

class PaxWriter {
  public:
    void add(std::string_view key, std::string_view value);
    [[nodiscard]] std::string take() && { return std::move(records_); }

  private:
    std::string records_;
};

// "-5.250000000", "7"; nanoseconds below 10^9 count forward from `seconds`.
[[nodiscard]] std::string pax_time(std::int64_t seconds, std::uint32_t nanoseconds);

}  // namespace sandbox::image
