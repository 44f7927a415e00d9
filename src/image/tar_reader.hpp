// A layer's tar stream as entries: version 7, ustar, GNU and pax headers, long
// and non-UTF-8 names (bytes are kept), sparse files. Data is handed out where it lies.
// Not for: judging names and types (tree_writer.hpp).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::image {

enum class EntryType {
    file,
    directory,
    symlink,
    hard_link,
    fifo,
    char_device,
    block_device,
    socket
};

struct TarXattr {
    std::string name;
    std::string value;
};

struct TarEntry {
    std::string path;  // as written: may be absolute, may hold "..", any bytes but NUL
    EntryType type = EntryType::file;
    std::string link_target;  // symlink: its text; hard link: the other entry's path
    mode_t mode = 0;          // permission bits, setuid, setgid and sticky included
    std::uint64_t uid = 0;    // as written: may be far beyond 32 bits
    std::uint64_t gid = 0;
    std::int64_t mtime_seconds = 0;
    std::uint32_t mtime_nanoseconds = 0;  // below 10^9
    std::uint64_t size_bytes = 0;         // of a file, holes included
    std::uint64_t device_major = 0;
    std::uint64_t device_minor = 0;
    std::vector<TarXattr> xattrs;
};

class TarReader {
  public:
    // `next_block` answers the next bytes of the stream, empty at its end; a block stays valid
    // until the next call. It may throw; the exception passes through.
    using NextBlock = std::function<std::span<const std::byte>()>;
    explicit TarReader(NextBlock next_block);
    TarReader(TarReader&&) = delete;
    ~TarReader();

    // False at the end of the archive. The entry is overwritten. Throws IntegrityError.
    [[nodiscard]] bool next(TarEntry& entry);
    struct DataBlock {
        std::span<const std::byte> bytes;  // valid until the next call of this reader
        std::uint64_t offset = 0;
    };
    // The next piece of the current file's data; absent at its end. Pieces come in
    // order; what none covers is a hole.
    [[nodiscard]] std::optional<DataBlock> next_data();
    // Reads what follows the end marker, so that the whole stream has passed by.
    void drain();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sandbox::image
