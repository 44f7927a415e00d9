// Images out of containers and tars: commit and import.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sandbox/image/new_image.hpp"
#include "sandbox/oci/platform.hpp"
#include "sandbox/oci/reference.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

struct CommitRequest {
    std::string container;
    std::optional<oci::Reference> name;
    std::vector<std::string> changes;  // in a Dockerfile's words
    std::string author, message;
    bool pause = true;  // a running container stands still meanwhile
    image::NewImageFormat format = image::NewImageFormat::docker;
};
// What the container has changed becomes a layer on top of its image.
store::ImageRecord commit_container(const store::Store& store, const CommitRequest& request);

struct ImportRequest {
    int tar_fd = -1;     // plain or compressed; borrowed
    std::string source;  // for the history: "-", or what was typed
    std::optional<oci::Reference> name;
    std::vector<std::string> changes;
    std::string message;
    std::optional<oci::Platform> platform;  // absent: the host's
};
// A root file system as an image of one layer.
store::ImageRecord import_image(const store::Store& store, const ImportRequest& request);

}  // namespace sandbox::engine
