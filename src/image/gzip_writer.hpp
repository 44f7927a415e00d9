// Compression of layers that we make. The same bytes give the same blob: no name, no time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

namespace sandbox::image {

class GzipWriter {
  public:
    using Sink = std::function<void(std::span<const std::byte>)>;
    virtual ~GzipWriter() = default;
    virtual void write(std::span<const std::byte> plain) = 0;
    virtual void finish() = 0;  // the trailer; nothing may be written after it
};

// By the fast library where there is one for this machine.
[[nodiscard]] std::unique_ptr<GzipWriter> make_gzip_writer(GzipWriter::Sink sink);
[[nodiscard]] std::unique_ptr<GzipWriter> make_zlib_writer(GzipWriter::Sink sink);

}  // namespace sandbox::image
