// Where the bytes of blobs come from: a registry, or files of a directory or an archive. Callbacks
// come from step() only, in one thread.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <span>
#include <string_view>

#include "sandbox/oci/manifest.hpp"

namespace sandbox::image {

struct BlobWish {
    oci::Descriptor blob;
    std::uint64_t offset_bytes = 0;  // what is before it is there already
    std::function<void(std::string_view)> on_data;
    std::function<void()> on_restart;                 // bytes start at 0 again
    std::function<void(std::exception_ptr)> on_done;  // exactly once
};

class BlobSource {
  public:
    virtual ~BlobSource() = default;
    virtual void start(BlobWish wish) = 0;
    // Moves on what was started; waits up to `timeout` for bytes or for `extra`.
    virtual void step(std::chrono::milliseconds timeout, std::span<pollfd> extra) = 0;
    virtual void cancel_all() noexcept = 0;  // no callback comes after it
};

}  // namespace sandbox::image
