// What a long operation tells the one who watches. The cli draws it; tests record it.
#pragma once

#include <cstdint>
#include <string_view>

#include "sandbox/oci/digest.hpp"

namespace sandbox::image {

class Progress {
  public:
    virtual ~Progress() = default;
    virtual void message(std::string_view /*text*/) {}  // "Trying to pull docker.io/…"
    virtual void layer_found(const oci::Digest& /*blob*/, std::uint64_t /*size_bytes*/) {}
    virtual void layer_exists(const oci::Digest& /*blob*/) {}
    virtual void layer_resumed(const oci::Digest& /*blob*/, std::uint64_t /*from_bytes*/) {}
    // Called often: totals, not differences.
    virtual void layer_bytes(const oci::Digest& /*blob*/, std::uint64_t /*downloaded_bytes*/) {}
    virtual void layer_downloaded(const oci::Digest& /*blob*/) {}
    virtual void layer_unpacked(const oci::Digest& /*blob*/) {}
    virtual void finished() {}
};

}  // namespace sandbox::image
