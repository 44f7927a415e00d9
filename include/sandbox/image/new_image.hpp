// An image of our own making: one new layer, out of a tar stream, on top of another image or of
// nothing. What commit and import end in.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sandbox/base/json.hpp"
#include "sandbox/oci/reference.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::image {

enum class NewImageFormat { docker, oci };

struct NewImage {
    std::optional<store::ImageRecord> base;
    // The whole document: platform, config, history, created. rootfs is made here, and the new
    // layer is put behind the base's.
    base::json::Object config;
    std::optional<oci::Reference> name;
    NewImageFormat format = NewImageFormat::docker;
};

// Reads a plain tar from `tar_fd` to its end, compresses it into the store while a confined child
// unpacks it, and publishes the image: all of it, or nothing. Must be called with one thread.
// `approve` is called when all was read and before anything is published; it throws when the
// stream's writer has failed.
store::ImageRecord install_new_image(const store::Store& store, int tar_fd, const NewImage& image,
                                     const std::function<void()>& approve);
// The base's config document, as it is.
[[nodiscard]] base::json::Value load_config_document(const store::Store& store,
                                                     const store::ImageRecord& record);
// Reads `in_fd`, plain or compressed, to its end and writes it to `out_fd` as it is inside. For a
// confined child.
void write_plain(int in_fd, int out_fd);

}  // namespace sandbox::image
