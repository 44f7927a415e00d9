// Shared by the files that make and write id maps; not a door.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::kernel {

// The text of /proc/<pid>/uid_map or gid_map; malformed lines are skipped.
[[nodiscard]] std::vector<IdRange> parse_id_map(std::string_view text);
// All ids of `range` are inside ids of one extent of `map`.
[[nodiscard]] bool covers(const std::vector<IdRange>& map, const SubidRange& range) noexcept;
// In our own user namespace; bit n = capability n.
[[nodiscard]] std::uint64_t effective_capabilities() noexcept;
// Absolute path of newuidmap or newgidmap.
[[nodiscard]] std::optional<std::string> try_find_map_helper(const std::string& name);

}  // namespace sandbox::kernel
