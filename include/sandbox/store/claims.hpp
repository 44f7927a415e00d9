// What a process that makes an image is going to refer to, said before the image's own record says
// so: a sweep leaves it alone, so that `system prune` and `rmi` never take a layer from under a
// pull that found it there. A claim is a locked file in claims/; one without a lock was left by a
// killed process and counts for nothing.
#pragma once

#include <string>
#include <vector>

#include "sandbox/base/file_lock.hpp"
#include "sandbox/oci/digest.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::store {

class Claim {
  public:
    // `layers`: directory names. Must not be called with the store's lock held: takes it shared for
    // a moment, so that a sweep sees the whole claim or comes before all that is looked for after
    // it.
    Claim(const Store& store, std::vector<oci::Digest> blobs, std::vector<std::string> layers);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

  private:
    base::UniqueFd dir_;
    std::string name_;
    base::FileLock lock_;
};

struct Claimed {
    std::vector<oci::Digest> blobs;
    std::vector<std::string> layers;
};
// All that living processes claim. Must hold the store's lock exclusively where something is
// removed by it.
[[nodiscard]] Claimed read_claims(const Store& store);
// Must hold the store's lock exclusively.
void remove_stale_claims(const Store& store);

}  // namespace sandbox::store
