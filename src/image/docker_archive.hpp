// docker's archives: manifest.json names configs and layers.
#pragma once

#include <string>
#include <vector>

#include "archive_image.hpp"

namespace sandbox::image {

struct DockerItem {
    std::string config;                  // path in the archive
    std::vector<std::string> repo_tags;  // "busybox:latest"
    std::vector<std::string> layers;     // paths, bottom first
};

[[nodiscard]] bool has_docker_manifest(const ImageFiles& files);
[[nodiscard]] std::vector<DockerItem> list_docker_items(const ImageFiles& files);
[[nodiscard]] LocalImage read_docker_item(const ImageFiles& files, const DockerItem& item);

}  // namespace sandbox::image
