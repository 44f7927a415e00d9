// The one message that an unpacking child sends: a report or a failure, as bytes. The parent
// trusts nothing in it: lengths are checked, digests are parsed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/image/unpack.hpp"

namespace sandbox::image {

struct ChildReport {
    std::string blob_hex;
    std::string diff_hex;
    std::uint64_t blob_bytes = 0;
    std::uint64_t unpacked_bytes = 0;
    std::uint64_t entries = 0;
    std::vector<std::string> implied_dirs;
    std::vector<std::string> notices;
    std::vector<std::string> differences;  // of compare_with_blob
};

inline constexpr size_t kMaxReportBytes = 64u << 20;

[[nodiscard]] std::string encode_report(const ChildReport& report);
[[nodiscard]] std::string encode_failure(const std::exception& failure);
// Throws the failure that the message carries; Error when it is cut or malformed.
[[nodiscard]] ChildReport decode_report(std::string_view message);

}  // namespace sandbox::image
