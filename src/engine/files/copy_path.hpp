// Paths of cp: docker's reading of "dir", "dir/" and "dir/.", and where they lead, by descriptor.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

struct CopyPath {
    std::string text;       // absolute, without ".", "..", doubled and trailing slashes
    bool slash = false;     // it ended with "/": a directory, or a link to one
    bool contents = false;  // it ended with "/.": what is in the directory
    std::string typed;      // for messages
    [[nodiscard]] std::string name() const;  // last component; "/" of the root
    [[nodiscard]] bool asserts_directory() const noexcept { return slash || contents; }
};
// `base_dir`: where a relative path begins; absolute.
[[nodiscard]] CopyPath parse_copy_path(std::string_view typed, const std::string& base_dir);

// Something that exists, or a name in a directory that exists.
struct Located {
    base::UniqueFd parent;  // O_PATH
    std::string name;       // "." when it is a root
    bool exists = false;
    struct stat info {};
    [[nodiscard]] bool is_dir() const noexcept { return exists && S_ISDIR(info.st_mode); }
};
// As this process sees it: in a container's root, links stay inside by themselves; /proc's magic
// links are never followed where `magic` is false. Throws SysError when the directory that it
// should be in does not exist.
[[nodiscard]] Located locate(const std::string& path, bool follow, bool magic);

}  // namespace sandbox::engine
