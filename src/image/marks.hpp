// What is still referred to: mark, for those who sweep. Must hold the store lock exclusively where
// something is removed by it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sandbox/store/container_store.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::image {

struct Marks {
    std::vector<store::ImageRecord> images;
    std::vector<store::ContainerEntry> containers;
    std::set<oci::Digest> blobs;
    std::set<std::string> layers;   // names of layer directories
    std::set<std::string> volumes;  // used by containers
    // A damaged record of an image or container: what it referred to is unknown, so that nothing
    // may be swept.
    std::vector<std::string> damaged;
};

[[nodiscard]] Marks mark(const store::Store& store);
// Containers that refer to image `id`.
[[nodiscard]] std::vector<const store::ContainerEntry*> users_of(const Marks& marks,
                                                                 const oci::Digest& id);
// Bytes that are freed.
std::uint64_t sweep_locked(const store::Store& store);
// Measured as `du` does, also where other ids of our range own directories.
[[nodiscard]] std::map<std::string, std::uint64_t> measure_all(
    int dir_fd, const std::vector<std::string>& names);
[[nodiscard]] std::uint64_t measure(int dir_fd, const std::string& name);

}  // namespace sandbox::image
