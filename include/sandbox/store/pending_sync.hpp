// What has its name but may not be on the disk yet. Syncing a pulled image takes longer than
// unpacking it, so a pull does not wait: before it publishes, a small synced file in pending/ lists
// what it is about to publish, and the id of this boot.
// - In the same boot all is well: the page cache is what everybody reads, whoever was killed.
// - A minute later the kernel has written most of it by itself: the next command syncs the rest,
//   which is cheap then, and the list goes.
// - In a later boot the list means that power went first: listed layers are removed (they come back
//   from their blobs), listed blobs are verified, and images that lost one are removed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sandbox/oci/digest.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::store {

inline constexpr std::chrono::seconds kSettleAfter{60};

// Must be called before the names are given. Durable when it answers. `layers`: directory names.
void announce_unsynced(const Store& store, const std::vector<oci::Digest>& blobs,
                       const std::vector<std::string>& layers);
// Part of opening a store: one system call when nothing is pending.
void settle_pending(const Store& store, std::chrono::seconds settle_after = kSettleAfter);

}  // namespace sandbox::store
