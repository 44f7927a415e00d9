// One record of a log and the names of its files. The header has a fixed width, so that both ends
// of the log find its fields without a search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/strings.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::store::log_format {

inline constexpr size_t kTimeBytes = 35;    // "2026-11-24T15:11:42.123456789+00:00"
inline constexpr size_t kTagOffset = 43;    // time, blank, "stdout", blank
inline constexpr size_t kHeaderBytes = 45;  // tag, blank
inline constexpr size_t kMaxTextBytes = 16384;
inline constexpr size_t kMaxRecordBytes = kHeaderBytes + kMaxTextBytes + 1;
inline constexpr const char* kDirName = "log";
inline constexpr const char* kFileName = "ctr.log";
inline constexpr const char* kLossSuffix = ".lost";

// Writes kTimeBytes bytes; sorts as the time does (years 0 to 9999).
void write_time(base::Timestamp time, char* to) noexcept;
[[nodiscard]] std::string time_text(base::Timestamp time);

// `line`: without its newline. Absent: no record of ours.
[[nodiscard]] std::optional<LogRecord> try_parse(std::string_view line) noexcept;

// Numbers of the older pieces, ascending: "<file>.<number>".
[[nodiscard]] std::vector<std::uint64_t> list_pieces(int dir_fd, const std::string& file);
[[nodiscard]] std::string piece_name(const std::string& file, std::uint64_t number);

}  // namespace sandbox::store::log_format
