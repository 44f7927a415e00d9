// docker's frames of a stream without a terminal: 1 byte stream (1 stdout, 2 stderr), 3 zero bytes,
// 4 bytes length, big-endian, then that many bytes. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

namespace sandbox::engine {

class FrameReader {
  public:
    // `bytes` as they come; `take` is called with each piece of a frame's content. Throws
    // IntegrityError for what is no frame.
    void feed(std::string_view bytes,
              const std::function<void(int stream, std::string_view)>& take);

  private:
    std::array<unsigned char, 8> header_{};
    size_t header_bytes_ = 0;
    std::uint32_t left_ = 0;
};

}  // namespace sandbox::engine
