// Writes a tar stream to a pipe or a file: ustar, and a pax header in front of an entry that ustar
// cannot hold (long names, large numbers, nanoseconds, attributes, holes). The same input gives the
// same bytes. Output is buffered until finish().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image/tar_header.hpp"
#include "image/tar_reader.hpp"

namespace sandbox::image {

class TarWriter {
  public:
    explicit TarWriter(int out_fd) noexcept : out_fd_(out_fd) {}  // borrowed

    // For archives of our own making: fixed modes, no owner, no time.
    void add_dir(const std::string& name);
    void add_file(const std::string& name, std::string_view content);
    // `size_bytes` bytes of `fd` from offset 0. Throws IntegrityError when it has fewer.
    void add_file(const std::string& name, int fd, std::uint64_t size_bytes);

    // Any entry. A directory's path gets its slash here. A file: exactly size_bytes of data must
    // follow, by write_data() and copy_data(), then end_data().
    void add(const TarEntry& entry);
    // A file with holes (GNU's version 1.0 in pax records): the pieces' data must follow, and
    // end_data(). Pieces: ascending, apart, below entry.size_bytes.
    void add_sparse(const TarEntry& entry, const SparseMap& pieces);
    void write_data(std::string_view data);
    // From `offset`. Answers how many bytes the file lacked: they are zeros in the archive.
    std::uint64_t copy_data(int fd, std::uint64_t offset, std::uint64_t size_bytes);
    void end_data();

    void finish();  // the end marker; writes out what is buffered
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  private:
    void write_header(const TarEntry& entry, std::string_view name, std::uint64_t stored_bytes,
                      const std::string& pax);
    void append(std::string_view data);
    void append_zeros(std::uint64_t size_bytes);
    void pad();
    void flush();
    void copy_large(int fd, std::uint64_t offset, std::uint64_t& size_bytes);

    int out_fd_;
    std::uint64_t bytes_ = 0;  // of the stream, buffered ones too
    std::string buffer_;
};

// All `size_bytes` of `from_fd`, from 0, to where `to_fd` stands; inside the kernel where it can.
void copy_bytes(int from_fd, int to_fd, std::uint64_t size_bytes, std::string_view what);

}  // namespace sandbox::image
