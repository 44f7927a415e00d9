// Thread A of an unpacking child: growing blob → sha256 → inflate → sha256 → ring.
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
    std::string blob_hex;  // sha256 of the blob's bytes
    std::string diff_hex;  // sha256 of the plain bytes
    std::uint64_t blob_bytes = 0;
    std::uint64_t plain_bytes = 0;
};

class LayerStream {
  public:
    LayerStream(int blob_fd, SharedFeed& feed, Ring& ring, std::uint64_t max_plain_bytes);
    // Runs to the end of the blob; a failure is kept for result(). Answers early when the ring's
    // consumer has gone.
    void run() noexcept;
    // After run(): throws what went wrong.
    [[nodiscard]] const StreamResult& result() const;
    [[nodiscard]] bool failed() const noexcept { return failure_ != nullptr; }

  private:
    class Input;
    void pump();
    int blob_fd_;
    SharedFeed& feed_;
    Ring& ring_;
    std::uint64_t max_plain_bytes_;
    StreamResult result_;
    std::exception_ptr failure_;
};

}  // namespace sandbox::image
