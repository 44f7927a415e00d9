#include "sandbox/project/names.hpp"

#include <fcntl.h>

#include <optional>

#include "project_lock.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::project {
namespace {

constexpr size_t kMaxPathBytes = 4096;

std::string claim_file(const std::string& name) {
    return std::string(kProjectsDirectory) + "/" + name + ".owner";
}

// A directory that is gone owns nothing any more.
std::optional<std::string> try_owner(const store::Store& store, const std::string& name) {
    auto owner = base::try_read_file_at(store.root_fd(), claim_file(name), kMaxPathBytes);
    if (!owner || owner->empty() || !base::exists_at(AT_FDCWD, *owner)) return std::nullopt;
    return owner;
}

}  // namespace

std::string settle_project_name(const store::Store& store, const std::string& name,
                                const std::string& directory) {
    constexpr size_t kMaxName = 63;
    constexpr size_t kShortest = 4;
    constexpr size_t kMostDigits = 32;
    const std::string hash = base::sha256_hex(directory);
    const auto longer = [&](size_t digits) {
        return name.substr(0, kMaxName - digits - 1) + "-" + hash.substr(0, digits);
    };
    // Who had to take the longer one keeps it, even when the other is free by now.
    const auto own = try_owner(store, name);
    if (own == directory) return name;
    if (try_owner(store, longer(kShortest)) == directory) return longer(kShortest);
    if (!own) return name;
    for (size_t digits = kShortest;; ++digits) {
        const auto owner = try_owner(store, longer(digits));
        if (!owner || *owner == directory || digits == kMostDigits) return longer(digits);
    }
}

void claim_project_name(const store::Store& store, const std::string& name,
                        const std::string& directory, bool shared) {
    const auto owner = try_owner(store, name);
    if (owner == directory || (owner && shared)) return;
    if (owner) {
        throw base::Error(
            "project " + base::quote(name) + " has just become that of " + base::quote(*owner),
            "try again: this directory gets another name");
    }
    const base::UniqueFd projects = open_projects(store);
    base::write_file_atomic(projects.get(), name + ".owner", directory, 0600,
                            base::Durability::volatile_data);
}

void release_project_name(const store::Store& store, const std::string& name) noexcept {
    (void)base::raw::unlinkat(store.root_fd(), claim_file(name).c_str(), 0);
}

}  // namespace sandbox::project
