// A tree of files → a tar stream, and back: what cp, export and commit move. Both run inside a
// child that confine_file_work() has locked up and whose root is all they can reach; names and
// bytes are the container's, so nothing of them is trusted.
// Not for: layers of images (unpack.hpp), where in a container a path leads (engine).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/image/owner_table.hpp"
#include "sandbox/kernel/capabilities.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::image {

// Owners of files that the tree cannot hold (single mode), by path without a leading slash.
using OwnerBook = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>, std::less<>>;
// From the `owners` files of layers. `layer_dirs`: descriptors of layers/<name>, top first,
// borrowed. A record counts where the topmost layer that has the path made it.
[[nodiscard]] OwnerBook load_owner_book(const std::vector<int>& layer_dir_fds);

struct FileReport {
    std::uint64_t bytes = 0;  // of the tar stream
    std::uint64_t entries = 0;
    std::vector<std::string> notices;   // worth a line: sockets left out, a file that shrank
    std::vector<std::string> failures;  // not copied, and that is the exit code's business
};

struct ArchiveOptions {
    bool nanoseconds = true;            // of mtimes; false: whole seconds, as in layers
    bool holes = true;                  // kept as holes
    const OwnerBook* owners = nullptr;  // borrowed; may be null
    const OwnerTable* table = nullptr;  // the same; counts more than the book
};

class TreeArchive {
  public:
    TreeArchive(int out_fd, const ArchiveOptions& options);
    ~TreeArchive();
    // `name` below `parent_fd` and all beneath it, as `tar_name`. A link is archived as a link.
    // `real_path`: where it lies, for the owner book.
    void add(int parent_fd, const std::string& name, const std::string& tar_name,
             const std::string& real_path);
    // One entry, nothing beneath it.
    void add_one(int parent_fd, const std::string& name, const std::string& tar_name,
                 const std::string& real_path);
    // An empty file, root's: ".wh.…" of layers.
    void add_mark(const std::string& tar_name);
    FileReport finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

struct ExtractOptions {
    std::string shown_target;  // as messages name the target directory: "/tmp"
    // The first component of each name, replaced: "file" → "other"; both empty: names stay.
    std::string rename_from;
    std::string rename_to;
    enum class Owners {
        given,   // as the archive says, where the map has it
        root,    // the container's root
        caller,  // whoever we are: nothing is changed
    } owners = Owners::caller;
    kernel::IdMap ids;
    // With one id, and owners as given: files and directories are marked with them.
    bool mark_owners = false;
    // The target is the whole world (root of this process): links on the way are followed. False:
    // they are refused.
    bool follow_links = false;
    bool id_bits = false;  // setuid and setgid are kept
};

// Reads a tar (plain, or compressed by gzip, zstd or xz) from `in_fd` to its end and makes its
// files below `target_fd`. An existing file is replaced, never written through; a directory and
// anything else never replace each other. Throws Error with docker's sentences; IntegrityError.
FileReport extract_tree(int in_fd, int target_fd, const ExtractOptions& options);

// This process can from now on only work on files it can reach: no exec, no sockets, no mounts, no
// new processes. Keeps `capabilities`, and closes every descriptor but `keep_fds` (0, 1 and 2 are
// pointed at nothing unless kept). Must be called with one thread.
inline constexpr kernel::CapabilitySet kFileCapabilities =
    1ull << 0 | 1ull << 1 | 1ull << 3 | 1ull << 4 | 1ull << 27 | 1ull << 31;
void confine_file_work(kernel::CapabilitySet capabilities, std::vector<int> keep_fds);
// The current directory becomes the whole file system of this process, with all that is mounted
// below it. In a user and mount namespace of our own.
void pivot_into_tree();

}  // namespace sandbox::image
