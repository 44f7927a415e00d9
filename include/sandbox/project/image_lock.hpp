// sandbox.lock: which digest each image of a project is, beside the profile and meant to be kept
// with it. An image whose name stands there is that digest, whatever its tag has come to mean;
// `up` and all that makes containers obey it. Nothing is ever pulled here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sandbox/project/profile.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

// "sandbox.lock" beside the first file; another profile's name, "dev.toml", gives "dev.lock".
[[nodiscard]] std::string image_lock_path(const Project& project);
// By image as the profile writes it: "sha256:…". Empty when there is no such file. Throws
// UsageError with the place for what is not what save_image_lock() writes.
[[nodiscard]] std::map<std::string, std::string> load_image_lock(const std::string& path,
                                                                 const std::string& shown);
// Replaced as a whole, or not at all.
void save_image_lock(const std::string& path, const std::map<std::string, std::string>& digests);

// Sets Service::locked_image where the lock says something. What is in the store decides how the
// digest is named: the same tag, while it is that digest; NAME:TAG@DIGEST, which can be pulled; or
// the id of an image that no registry has.
void apply_image_lock(const store::Store& store, Project& project);

// Can `image` be fixed? Not what is a digest, an id, a directory or an archive already.
[[nodiscard]] bool is_lockable(const std::string& image);
// Images of the profile that can be fixed and are not, each once, in the order of the profile.
[[nodiscard]] std::vector<std::string> unlocked_images(const Project& project);

struct LockWish {
    std::vector<std::string> services;  // theirs only; empty: all
    bool renew = false;  // ask the registries again; false: only for what is not fixed yet
};
struct LockChange {
    std::string image;
    std::string before, after;  // digests; empty: not in the lock before, or no more
    [[nodiscard]] bool is_change() const noexcept { return before != after; }
};
// What the lock should say, image by image. An image that is here and not to be renewed is fixed as
// it is here; others are asked for at their registry, whose errors are thrown.
[[nodiscard]] std::vector<LockChange> plan_image_lock(const store::Store& store,
                                                      const Project& project, const LockWish& wish);

}  // namespace sandbox::project
