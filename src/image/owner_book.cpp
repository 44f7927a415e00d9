// Owners that single mode keeps beside its layers, for those who want to see the image's own.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/tree_archive.hpp"

namespace sandbox::image {
namespace {

constexpr size_t kMaxBytes = 256u << 20;

bool has_path(int layer_dir_fd, const std::string& path) {
    struct stat info {};
    const std::string name = path.empty() ? "fs" : "fs/" + path;
    return ::fstatat(layer_dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

OwnerBook load_owner_book(const std::vector<int>& layer_dir_fds) {
    OwnerBook book;
    for (size_t layer = 0; layer < layer_dir_fds.size(); ++layer) {
        const std::optional<std::string> text =
            base::try_read_file_at(layer_dir_fds[layer], "owners", kMaxBytes);
        if (!text) continue;
        OwnerBook own;
        for (const std::string& record : base::split(*text, '\0')) {
            const std::vector<std::string> words = base::split(record, ' ', 3);
            if (words.size() != 3) continue;
            const auto uid = base::try_parse_u64(words[0]);
            const auto gid = base::try_parse_u64(words[1]);
            if (!uid || !gid) continue;
            bool covered = false;
            for (size_t above = 0; above < layer && !covered; ++above) {
                covered = has_path(layer_dir_fds[above], words[2]);
            }
            // Within a layer the last record counts, as the last entry of its tar does.
            if (!covered) own.insert_or_assign(words[2], std::pair(*uid, *gid));
        }
        book.merge(own);
    }
    return book;
}

}  // namespace sandbox::image
