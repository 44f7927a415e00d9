// Thread A of an unpacking child: growing blob → sha256 when asked for → inflate → sha256 → ring.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <string>

#include "image/blob_feed.hpp"
#include "image/codec.hpp"
#include "image/ring.hpp"

namespace sandbox::image {

struct StreamResult {
    std::string blob_hex;  // sha256 of the blob's bytes; empty when it was not asked for
    std::string diff_hex;  // sha256 of the plain bytes
    std::uint64_t blob_bytes = 0;
    std::uint64_t plain_bytes = 0;
};

struct BlobInput {
    int fd = -1;  // borrowed
    bool hash = true;
};

class LayerStream {
  public:
    LayerStream(BlobInput blob, SharedFeed& feed, Ring& ring, std::uint64_t max_plain_bytes);
    // Runs to the end of the blob; a failure is kept for result(). Answers early when the ring's
    // consumer has gone.
    void run() noexcept;
    // After run(): throws what went wrong.
    [[nodiscard]] const StreamResult& result() const;
    [[nodiscard]] bool failed() const noexcept { return failure_ != nullptr; }

  private:
    class Input;
    void pump();
    BlobInput blob_;
    SharedFeed& feed_;
    Ring& ring_;
    std::uint64_t max_plain_bytes_;
    StreamResult result_;
    std::exception_ptr failure_;
};

}  // namespace sandbox::image
