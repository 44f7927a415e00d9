// The walk behind adopt_implied_dirs(), as whoever calls it: no namespace, no child.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace sandbox::image {

// A directory right before what is in it, so that a walk need not come back to it: "a", "a/b",
// "a-b", where bytes alone would put "a-b" second.
void sort_as_walked(std::vector<std::string>& paths);

// `paths` must be sorted as walked: then the work is as long as the list, however deep it goes.
// One descriptor a layer is open at a time. The descriptors are borrowed, lowers top first.
void adopt_each(int layer_fs_fd, std::span<const std::string> paths,
                const std::vector<int>& lower_fs_fds);

}  // namespace sandbox::image
