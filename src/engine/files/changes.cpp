#include "engine/files/changes.hpp"

#include <fcntl.h>

#include "engine/container_record.hpp"
#include "engine/launch.hpp"
#include "sandbox/base/fs.hpp"

namespace sandbox::engine {

ChangeSources::ChangeSources(const store::Store& store, const OpenContainer& container) {
    is_upper_ = !has_copied_tree(container.dir.get());
    top_ = base::open_at(container.dir.get(), is_upper_ ? "upper" : "rootfs",
                         O_PATH | O_DIRECTORY | O_NOFOLLOW);
    for (const std::string& name : container.entry.record["layers"].strings()) {
        layers_.push_back(
            base::open_at(store.layers_fd(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        layer_fs_.push_back(
            base::open_at(layers_.back().get(), "fs", O_PATH | O_DIRECTORY | O_NOFOLLOW));
    }
}

image::ChangedTree ChangeSources::open() {
    image::ChangedTree tree;
    tree.is_upper = is_upper_;
    opened_.push_back(base::open_at(top_.get(), ".", O_RDONLY | O_DIRECTORY));
    tree.top_fd = opened_.back().get();
    for (const base::UniqueFd& fs : layer_fs_) {
        opened_.push_back(base::open_at(fs.get(), ".", O_RDONLY | O_DIRECTORY));
        tree.lower_fds.push_back(opened_.back().get());
    }
    return tree;
}

std::vector<int> ChangeSources::numbers() const {
    std::vector<int> fds;
    for (const base::UniqueFd& fd : opened_) fds.push_back(fd.get());
    return fds;
}

std::vector<int> ChangeSources::layer_dirs() const {
    std::vector<int> fds;
    for (const base::UniqueFd& fd : layers_) fds.push_back(fd.get());
    return fds;
}

}  // namespace sandbox::engine
