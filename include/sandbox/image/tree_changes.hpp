// What a container's tree has that its image has not: for diff and commit. The tree is an overlay's
// upper directory, or a whole copy of the image that was worked on. Must run as root of the user
// namespace that owns the files; nothing is followed, nothing is changed.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

namespace sandbox::image {

struct ChangedTree {
    int top_fd = -1;             // readable; borrowed
    bool is_upper = true;        // false: a whole copy
    std::vector<int> lower_fds;  // fs/ of the image's layers, top first; borrowed
};

class ChangeVisitor {
  public:
    virtual ~ChangeVisitor() = default;
    enum class Kind { changed, added };
    // Something that is there: paths without a leading slash, parents first, names in order.
    // For a directory that was there before: `differs` says whether it differs by itself.
    virtual void found(int parent_fd, const std::string& name, const std::string& path, Kind kind,
                       bool is_dir, bool differs) = 0;
    virtual void deleted(const std::string& path) = 0;
    // A directory that hides what the image has below that path. Answers whether that was enough;
    // otherwise what is hidden is told one by one.
    virtual bool hides_all(const std::string& /*path*/) { return false; }
    virtual void end_of_dir(const std::string& /*path*/) {}
};

void walk_changes(const ChangedTree& tree, ChangeVisitor& visitor);

}  // namespace sandbox::image
