// What `up --watch` looks at: files and directories of services, and what has changed in them since
// one last asked. Changes that belong together (an editor's four steps of saving, a checkout of
// another branch) come as one. Not for what is then done.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/project/profile.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

struct WatchChange {
    const Service* service = nullptr;
    const Watch* watch = nullptr;
    std::vector<std::string> paths;  // absolute, sorted; those that are gone too
};

class FileWatcher {
  public:
    // The watches of the named services; the project must outlive it. Throws NotFoundError for a
    // path that is not there, Error when the kernel has no more watches to give.
    FileWatcher(const Project& project, const std::vector<std::string>& services);
    [[nodiscard]] bool is_empty() const noexcept { return roots_.empty(); }
    // Readable when there may be something to take; borrowed.
    [[nodiscard]] int fd() const noexcept { return notify_.get(); }
    // Never waits. Empty while something still goes on (at most a second long).
    [[nodiscard]] std::vector<WatchChange> take();

  private:
    using Clock = std::chrono::steady_clock;
    struct Root {
        const Service* service;
        const Watch* watch;
        bool is_directory;
        std::set<std::string> changed;
    };
    struct Place {
        size_t root;
        std::string path;  // of the directory
    };

    void add_root(const Service& service, const Watch& watch);
    void add_directory(size_t root, const std::string& path);
    // With all below it. `fresh`: what is there counts as changed.
    void add_tree(size_t root, const std::string& path, bool fresh);
    void drop_tree(size_t root, const std::string& path);
    void read_events();
    void take_event(int watch, std::uint32_t mask, const std::string& name);
    void note(size_t root, const std::string& path);
    void start_over();

    base::UniqueFd notify_;
    std::vector<Root> roots_;
    std::map<int, std::vector<Place>> places_;       // by inotify's number
    std::optional<Clock::time_point> first_, last_;  // of the changes that nobody has taken
};

// Does a change of `relative` (to the watched directory) count, or is one of its parts ignored?
// Patterns are shell patterns; one without a slash is for names. What editors and git keep beside
// their files never counts.
[[nodiscard]] bool is_ignored(const Watch& watch, const std::string& relative);

// Action sync: the paths as they are now, to their places in the container; what is gone is
// removed there. Throws Error for the first one that cannot be done, when all others are.
void sync_into(const store::Store& store, const std::string& container_id,
               const WatchChange& change);

}  // namespace sandbox::project
