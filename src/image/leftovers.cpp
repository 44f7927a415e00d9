#include <fcntl.h>

#include <initializer_list>
#include <optional>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/temp_dir.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/store/claims.hpp"

namespace sandbox::image {
namespace {

void remove_stale(int dir_fd) {
    for (const std::string& name : base::remove_stale_temps(dir_fd)) {
        kernel::remove_tree(dir_fd, name);
    }
}

void remove_stale_below(int parent_fd, const char* name) {
    const std::optional<base::UniqueFd> dir =
        base::try_open_at(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (dir) remove_stale(dir->get());
}

}  // namespace

void remove_leftovers(const store::Store& store) {
    for (const int dir_fd : {store.root_fd(), store.blobs_fd(), store.layers_fd(),
                             store.volumes_fd(), store.cache_fd()}) {
        remove_stale(dir_fd);
    }
    store::remove_stale_claims(store);
    remove_stale_below(store.root_fd(), "pending");
    remove_stale_below(store.images_fd(), "refs");
    remove_stale_below(store.images_fd(), "ids");
}

}  // namespace sandbox::image
