// Does a tree equal the tar stream that it was made from? Two passes over the stream: the first
// learns which of several entries of one name counts, the second compares.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "image/dir_cache.hpp"
#include "image/tar_reader.hpp"
#include "image/whiteout.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::image {

class TreeCompare {
  public:
    TreeCompare(int root_fd, const kernel::IdMap& ids);  // root_fd is borrowed

    enum class Pass { survey, compare };
    // Reads the whole stream. Must be called with survey first, then with compare.
    void run(Pass pass, TarReader& reader);
    // One line each, after the second pass.
    [[nodiscard]] const std::vector<std::string>& differences() const noexcept {
        return differences_;
    }

  private:
    struct Seen {
        std::uint64_t index = 0;          // of the last entry of that name
        std::uint64_t not_directory = 0;  // of the last one that was no directory
    };
    void survey(const TarEntry& entry, std::uint64_t index);
    void compare(const TarEntry& entry, std::uint64_t index, TarReader& reader);
    void compare_entry(const TarEntry& entry, const std::string& path, TarReader& reader);
    void compare_mark(const Whiteout& mark);
    void compare_attributes(const TarEntry& entry, const std::string& path,
                            const struct stat& status);
    void compare_data(int parent_fd, const std::string& name, const TarEntry& entry,
                      const std::string& path, TarReader& reader);
    [[nodiscard]] bool same_data(int fd, const TarEntry& entry, TarReader& reader);
    [[nodiscard]] bool same_bytes(int fd, const TarReader::DataBlock& block);
    [[nodiscard]] bool is_hole(int fd, std::uint64_t begin, std::uint64_t end);
    void compare_xattrs(int fd, const TarEntry& entry, const std::string& path);
    void compare_link(int parent_fd, const std::string& name, const TarEntry& entry,
                      const std::string& path);
    void compare_hard_link(const TarEntry& entry, const std::string& path,
                           const struct stat& status);
    [[nodiscard]] bool superseded(std::string_view path, std::uint64_t index) const;
    void find_extras();
    // Answers whether anything below is expected.
    bool walk(const std::string& path, int depth);
    void differ(const std::string& path, const std::string& what);

    int root_fd_;
    const kernel::IdMap& ids_;
    DirCache dirs_;
    std::unordered_map<std::uint64_t, Seen> last_;  // by hash of the clean path
    std::unordered_set<ino_t> expected_;
    std::vector<std::string> differences_;
    std::uint64_t index_ = 0;
    std::vector<char> buffer_;
};

}  // namespace sandbox::image
