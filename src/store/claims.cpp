#include "sandbox/store/claims.hpp"

#include <fcntl.h>

#include <optional>
#include <utility>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "store/name_list.hpp"

namespace sandbox::store {
namespace {

constexpr const char* kDir = "claims";

std::optional<base::UniqueFd> try_open_claims(const Store& store) {
    return base::try_open_at(store.root_fd(), kDir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

base::UniqueFd open_claims(const Store& store) {
    base::make_dir_at(store.root_fd(), kDir, 0700);
    return base::open_at(store.root_fd(), kDir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

base::FileLock write_claim(const Store& store, int dir_fd, const std::string& name, NameList list) {
    const base::FileLock whole = store.lock(base::LockMode::shared);
    base::FileLock lock = base::FileLock::acquire(dir_fd, name, base::LockMode::exclusive);
    base::write_all(lock.fd(), to_text(list));
    return lock;
}

}  // namespace

Claim::Claim(const Store& store, std::vector<oci::Digest> blobs, std::vector<std::string> layers)
    : dir_(open_claims(store)),
      name_(base::random_hex(8)),
      lock_(write_claim(store, dir_.get(), name_, {{}, std::move(blobs), std::move(layers)})) {}

Claim::~Claim() {
    // Left behind it counts for nothing.
    (void)base::raw::unlinkat(dir_.get(), name_.c_str(), 0);
}

Claimed read_claims(const Store& store) {
    Claimed claimed;
    const auto dir = try_open_claims(store);
    if (!dir) return claimed;
    for (const std::string& name : base::list_dir(dir->get())) {
        if (!base::FileLock::is_held(dir->get(), name)) continue;
        const auto text = base::try_read_file_at(dir->get(), name, kMaxNameListBytes);
        NameList list = parse_name_list(text.value_or(""));
        for (oci::Digest& blob : list.blobs) claimed.blobs.push_back(std::move(blob));
        for (std::string& layer : list.layers) claimed.layers.push_back(std::move(layer));
    }
    return claimed;
}

void remove_stale_claims(const Store& store) {
    const auto dir = try_open_claims(store);
    if (!dir) return;
    for (const std::string& name : base::list_dir(dir->get())) {
        if (!base::FileLock::is_held(dir->get(), name)) base::unlink_at(dir->get(), name, true);
    }
}

}  // namespace sandbox::store
