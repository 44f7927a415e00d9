// --filter of containers.
#pragma once

#include <string>
#include <vector>

#include "cli/filter.hpp"
#include "sandbox/engine/containers.hpp"

namespace sandbox::cli {

[[nodiscard]] Filters parse_container_filters(const std::vector<std::string>& texts);
// Without `every_state`, and without a filter that asks for states, only those that run.
[[nodiscard]] std::vector<engine::ContainerRow> filter_containers(
    const store::Store& store, std::vector<engine::ContainerRow> rows, const Filters& filters,
    bool every_state);
[[nodiscard]] std::string network_of(const engine::ContainerRow& row);

}  // namespace sandbox::cli
