// Theory of operation. inotify knows directories, not trees: every directory below a watched one
// has a watch, new ones get theirs when their creation is read, and since files may have been made
// in them before, all in them counts as changed. A file is watched by its directory: editors save
// by renaming another file over it. When events were lost, everything counts as changed.
#include "sandbox/project/file_watch.hpp"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::project {
namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
                                  IN_DELETE | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr std::chrono::milliseconds kQuiet{100}, kLongest{1000};
constexpr int kMaxDepth = 64;
// Names that come and go beside what somebody edits.
constexpr const char* kNeverCount[] = {".git", ".hg", ".svn", "*~", "*.sw?", ".#*", "4913"};

bool is_below(const std::string& path, const std::string& directory) {
    return path.size() > directory.size() && path.starts_with(directory) &&
           path[directory.size()] == '/';
}

std::string parent_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string relative_to(const std::string& path, const std::string& directory) {
    return path.size() <= directory.size() ? "" : path.substr(directory.size() + 1);
}

bool matches(const std::string& pattern, const std::string& text) {
    return ::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
}

}  // namespace

bool is_ignored(const Watch& watch, const std::string& relative) {
    std::string so_far;
    for (const std::string& name : base::split(relative, '/')) {
        so_far += (so_far.empty() ? "" : "/") + name;
        for (const char* pattern : kNeverCount) {
            if (matches(pattern, name)) return true;
        }
        for (const std::string& written : watch.ignore) {
            std::string pattern = written.starts_with("./") ? written.substr(2) : written;
            while (pattern.ends_with("/")) pattern.pop_back();
            const bool for_names = pattern.find('/') == std::string::npos;
            if (matches(pattern, for_names ? name : so_far)) return true;
        }
    }
    return false;
}

FileWatcher::FileWatcher(const Project& project, const std::vector<std::string>& services) {
    for (const Service& service : project.services) {
        if (std::find(services.begin(), services.end(), service.name) == services.end()) continue;
        for (const Watch& watch : service.watch) add_root(service, watch);
    }
}

void FileWatcher::add_root(const Service& service, const Watch& watch) {
    if (!notify_) {
        const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (fd < 0) {
            throw base::SysError(errno, "watch files", "",
                                 "fs.inotify.max_user_instances may be raised");
        }
        notify_.reset(fd);
    }
    struct stat status {};
    if (::stat(watch.path.c_str(), &status) != 0) {
        throw base::NotFoundError(service.where +
                                  ": watch: no such file or directory: " + base::quote(watch.path));
    }
    roots_.push_back({&service, &watch, S_ISDIR(status.st_mode), {}});
    const size_t root = roots_.size() - 1;
    if (roots_[root].is_directory) {
        add_tree(root, watch.path, false);
    } else {
        add_directory(root, parent_of(watch.path));
    }
}

void FileWatcher::add_directory(size_t root, const std::string& path) {
    const int number = ::inotify_add_watch(notify_.get(), path.c_str(), kEvents);
    if (number < 0) {
        // inotify_add_watch(2): ENOSPC is the limit of watches. What went away needs none.
        if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return;
        throw base::SysError(errno, "watch", base::quote(path),
                             errno == ENOSPC ? "fs.inotify.max_user_watches may be raised, or "
                                               "\"ignore\" may name what need not be watched"
                                             : "");
    }
    std::vector<Place>& places = places_[number];
    const bool known = std::any_of(places.begin(), places.end(), [&](const Place& place) {
        return place.root == root && place.path == path;
    });
    if (!known) places.push_back({root, path});
}

void FileWatcher::add_tree(size_t root, const std::string& path, bool fresh) {
    const std::string& top = roots_[root].watch->path;
    if (std::count(path.begin() + static_cast<std::ptrdiff_t>(top.size()), path.end(), '/') >
        kMaxDepth) {
        return;
    }
    add_directory(root, path);
    const std::optional<base::UniqueFd> directory =
        base::try_open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (!directory) return;  // went away, or is not ours to read
    for (const std::string& name : base::list_dir(directory->get())) {
        const std::string below = (path == "/" ? "" : path) + "/" + name;
        if (is_ignored(*roots_[root].watch, relative_to(below, top))) continue;
        struct stat status {};
        if (::fstatat(directory->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (fresh) note(root, below);
        if (S_ISDIR(status.st_mode)) add_tree(root, below, fresh);
    }
}

// A directory that was moved away is still watched, under a name that it has no more.
void FileWatcher::drop_tree(size_t root, const std::string& path) {
    for (auto entry = places_.begin(); entry != places_.end();) {
        std::erase_if(entry->second, [&](const Place& place) {
            return place.root == root && (place.path == path || is_below(place.path, path));
        });
        if (entry->second.empty()) {
            (void)::inotify_rm_watch(notify_.get(), entry->first);  // it may be gone already
            entry = places_.erase(entry);
        } else {
            ++entry;
        }
    }
}

void FileWatcher::note(size_t root, const std::string& path) {
    roots_[root].changed.insert(path);
    last_ = Clock::now();
    if (!first_) first_ = last_;
}

void FileWatcher::take_event(int watch, std::uint32_t mask, const std::string& name) {
    if ((mask & IN_Q_OVERFLOW) != 0) {
        start_over();
        return;
    }
    if ((mask & IN_IGNORED) != 0) {
        places_.erase(watch);
        return;
    }
    const auto found = places_.find(watch);
    if (found == places_.end() || name.empty()) return;
    const std::vector<Place> places = found->second;  // what follows may change it
    for (const Place& place : places) {
        const Root& root = roots_[place.root];
        const std::string path = (place.path == "/" ? "" : place.path) + "/" + name;
        if (!root.is_directory) {
            if (path == root.watch->path) note(place.root, path);
            continue;
        }
        if (is_ignored(*root.watch, relative_to(path, root.watch->path))) continue;
        note(place.root, path);
        if ((mask & IN_ISDIR) == 0) continue;
        if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0) drop_tree(place.root, path);
        if ((mask & (IN_CREATE | IN_MOVED_TO)) != 0) add_tree(place.root, path, true);
    }
}

// inotify(7): the queue has overflowed, and nobody knows what was in it.
void FileWatcher::start_over() {
    for (size_t root = 0; root < roots_.size(); ++root) {
        if (roots_[root].is_directory) {
            add_tree(root, roots_[root].watch->path, true);
        } else {
            note(root, roots_[root].watch->path);
        }
    }
}

void FileWatcher::read_events() {
    alignas(inotify_event) std::array<char, 16384> buffer{};
    for (;;) {
        const long size = base::raw::read(notify_.get(), buffer.data(), buffer.size());
        if (size <= 0) return;
        for (long at = 0; at < size;) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            const char* name = buffer.data() + at + sizeof event;
            take_event(event.wd, event.mask, event.len == 0 ? "" : name);
            at += static_cast<long>(sizeof event + event.len);
        }
    }
}

std::vector<WatchChange> FileWatcher::take() {
    std::vector<WatchChange> changes;
    if (roots_.empty()) return changes;
    read_events();
    if (!first_) return changes;
    const Clock::time_point now = Clock::now();
    if (now - *last_ < kQuiet && now - *first_ < kLongest) return changes;
    for (Root& root : roots_) {
        if (root.changed.empty()) continue;
        changes.push_back({root.service, root.watch, {root.changed.begin(), root.changed.end()}});
        root.changed.clear();
    }
    first_.reset();
    last_.reset();
    return changes;
}

}  // namespace sandbox::project
