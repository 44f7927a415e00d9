// Writes a tar stream (ustar; sizes above 8 GiB in GNU's binary form) of regular files to a pipe or
// a file. For image archives: short names, fixed modes, no time, so that the same image gives the
// same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox::image {

class TarWriter {
  public:
    explicit TarWriter(int out_fd) noexcept : out_fd_(out_fd) {}  // borrowed
    void add_dir(const std::string& name);
    void add_file(const std::string& name, std::string_view content);
    // `size_bytes` bytes of `fd` from offset 0. Throws IntegrityError when it has fewer.
    void add_file(const std::string& name, int fd, std::uint64_t size_bytes);
    void finish();  // the end marker

  private:
    void write_header(const std::string& name, char type, std::uint64_t size_bytes);
    void pad(std::uint64_t size_bytes);
    int out_fd_;
};

// All `size_bytes` of `from_fd`, from 0, to where `to_fd` stands; inside the kernel where it can.
void copy_bytes(int from_fd, int to_fd, std::uint64_t size_bytes, std::string_view what);

}  // namespace sandbox::image
