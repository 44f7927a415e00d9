// Streaming SHA-256 with the CPU's instructions (OpenSSL's implementation).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sandbox::base {

class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    void update(const void* data, size_t size_bytes);
    // 64 lower-case hex digits; the object must not be used afterwards.
    [[nodiscard]] std::string finish_hex();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

[[nodiscard]] std::string sha256_hex(std::string_view data);
[[nodiscard]] std::string sha256_hex_of_fd(int fd);  // from offset 0 by pread to the end

}  // namespace sandbox::base
