// Blobs of one repository, through the registry client.
#pragma once

#include <utility>

#include "blob_source.hpp"
#include "sandbox/oci/reference.hpp"
#include "sandbox/registry/client.hpp"

namespace sandbox::image {

class RegistrySource final : public BlobSource {
  public:
    // Both must outlive the source.
    RegistrySource(registry::Client& client, const oci::Reference& repository) noexcept
        : client_(client), repository_(repository) {}

    void start(BlobWish wish) override {
        client_.start_blob({.repository = repository_,
                            .digest = wish.blob.digest,
                            .size_bytes = wish.blob.size_bytes,
                            .offset_bytes = wish.offset_bytes,
                            .on_data = std::move(wish.on_data),
                            .on_restart = std::move(wish.on_restart),
                            .on_done = std::move(wish.on_done)});
    }
    void step(std::chrono::milliseconds timeout, std::span<pollfd> extra) override {
        (void)client_.step(timeout, extra);  // the callbacks say what is done
    }
    void cancel_all() noexcept override { client_.cancel_all(); }

  private:
    registry::Client& client_;
    const oci::Reference& repository_;
};

}  // namespace sandbox::image
