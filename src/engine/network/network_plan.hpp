// A network's record in the words of the net room.
#pragma once

#include "sandbox/net/holder.hpp"
#include "sandbox/store/network_store.hpp"

namespace sandbox::engine {

[[nodiscard]] net::NetworkPlan plan_of(const store::NetworkRecord& record);
[[nodiscard]] net::HolderPlace holder_place(const store::Store& store,
                                            const store::NetworkRecord& record);

}  // namespace sandbox::engine
