// Images in OCI directories, OCI archives and docker archives: documents, names, and where the
// layers lie. All by content: what a tool wrote decides, not what the file is called.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "image_files.hpp"
#include "install.hpp"
#include "sandbox/image/progress.hpp"
#include "sandbox/oci/platform.hpp"
#include "sandbox/oci/reference.hpp"

namespace sandbox::image {

struct LocalImage {
    ResolvedImage image;
    std::map<oci::Digest, FileRange> blobs;  // of the layers
};

// All images, in the archive's order. `selector` narrows: "" takes all, "@1" the second, otherwise
// a name that the archive gives the image. Throws NotFoundError when it fits none.
[[nodiscard]] std::vector<LocalImage> read_local_images(const ImageFiles& files,
                                                        const std::string& selector,
                                                        const oci::Platform& platform);
// `source` is a directory or an archive; its record is that of the one image in it.
store::ImageRecord pull_local(const store::Store& store, const oci::ImageSource& source,
                              const oci::Platform& platform, Progress& progress,
                              const InterruptGuard& interrupt);
store::ImageRecord install_local(const store::Store& store, const LocalImage& local,
                                 Progress& progress, const InterruptGuard& interrupt);

}  // namespace sandbox::image
