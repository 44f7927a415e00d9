// Volumes as users see them: who uses them, what may be removed, how they are seeded.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sandbox/store/layout.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::engine {

// Ids of containers (live or kept) that use volume `name`.
[[nodiscard]] std::vector<std::string> users_of_volume(const store::Store& store,
                                                       const std::string& name);
// Throws NotFoundError (1) or Error with code 2 "volume is in use by …". force: missing is fine.
void remove_volume(const store::Store& store, const std::string& name, bool force);
// Removes volumes without users: anonymous ones, or `all`, that have such labels (empty: any).
// Answers names.
using WantsLabels = std::function<bool(const std::map<std::string, std::string>& labels)>;
std::vector<std::string> prune_volumes(const store::Store& store, bool all,
                                       const WantsLabels& wants = {});

}  // namespace sandbox::engine
