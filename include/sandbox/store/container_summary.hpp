// The first part of each container's record: what a listing shows. A record is one document, but
// its writer puts the key "rest" behind all that listings need, and a listing parses no further:
// the rest (environment, request, layers) is most of it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sandbox/store/container_store.hpp"

namespace sandbox::store {

inline constexpr std::string_view kRecordRest = "rest";

// `visit` gets each container with the first part of its record, and its directory (borrowed). A
// record without the mark is given whole. Answers the ids of directories without a record: of a
// container that is being made or removed just now, or whose maker or remover was killed.
std::vector<std::string> for_each_container(
    const Store& store, const std::function<void(const ContainerEntry&, int dir_fd)>& visit);

// The document up to the member `key` of its outermost object, closed; or all of it. Pure.
[[nodiscard]] std::string cut_before_member(std::string_view document, std::string_view key);

}  // namespace sandbox::store
