// The pieces of a log as a reader has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::store {

struct LogPiece {
    base::UniqueFd fd;
    std::uint64_t number = 0;
    bool youngest = false;
};

// Whether that name still leads to this file.
[[nodiscard]] bool is_still_named(const base::UniqueFd& fd, int dir_fd, const std::string& name);
// The piece that follows number `after`; absent when there is none (yet).
[[nodiscard]] std::optional<LogPiece> try_open_after(const LogPlace& place, std::uint64_t after);

}  // namespace sandbox::store
