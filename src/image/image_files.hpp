// The files of an OCI directory or of an image archive, by name. Their content is hostile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/store/layout.hpp"
#include "tar_index.hpp"

namespace sandbox::image {

struct FileRange {
    std::shared_ptr<const base::UniqueFd> file;
    std::uint64_t offset_bytes = 0;
    std::uint64_t size_bytes = 0;
};

class ImageFiles {
  public:
    virtual ~ImageFiles() = default;
    [[nodiscard]] virtual std::optional<FileRange> try_find(const std::string& path) const = 0;

    // Absent when there is no such file. Larger than the limit: IntegrityError.
    [[nodiscard]] std::optional<std::string> try_read(const std::string& path,
                                                      std::uint64_t limit_bytes) const;
    [[nodiscard]] std::string read(const std::string& path, std::uint64_t limit_bytes) const;
};

// `fd`: a directory, a tar file, a compressed tar file, or a pipe with either. What cannot be read
// in place is unpacked to a nameless file in the store. Throws Error when it is none of these.
[[nodiscard]] std::unique_ptr<ImageFiles> open_image_files(const store::Store& store, int fd);

}  // namespace sandbox::image
