// Blobs that lie in local files.
#pragma once

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "blob_source.hpp"
#include "image_files.hpp"

namespace sandbox::image {

class FileSource final : public BlobSource {
  public:
    explicit FileSource(std::map<oci::Digest, FileRange> blobs);
    void start(BlobWish wish) override;
    void step(std::chrono::milliseconds timeout, std::span<pollfd> extra) override;
    void cancel_all() noexcept override { transfers_.clear(); }

  private:
    struct Transfer {
        BlobWish wish;
        FileRange range;
        std::uint64_t position_bytes = 0;
    };
    bool move_on(Transfer& transfer);

    std::map<oci::Digest, FileRange> blobs_;
    std::deque<Transfer> transfers_;
    std::vector<char> buffer_;
};

}  // namespace sandbox::image
