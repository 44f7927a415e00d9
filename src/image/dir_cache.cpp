#include "image/dir_cache.hpp"

#include <algorithm>
#include <vector>

#include "image/entry_path.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::IntegrityError;
using base::SysError;
using base::UniqueFd;

constexpr int kMaxLinks = 40;  // path_resolution(7)
constexpr int kDirFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// A walk by hand, component by component: resolves links inside the root and makes what is missing.
class Walk {
  public:
    // `events` null: makes nothing, and answers an empty descriptor for what is missing.
    Walk(int root_fd, std::string_view path, const DirCache::Events* events)
        : root_fd_(root_fd), asked_(path), events_(events) {
        push(path);
        restart();
    }

    UniqueFd run() {
        while (!todo_.empty() && here_.valid()) {
            const std::string part = std::move(todo_.back());
            todo_.pop_back();
            if (part.empty() || part == ".") continue;
            if (part == "..") {
                climb();
            } else {
                enter(part);
            }
        }
        return std::move(here_);
    }

  private:
    void push(std::string_view path) {
        std::vector<std::string> parts = base::split(path, '/');
        todo_.insert(todo_.end(), std::make_move_iterator(parts.rbegin()),
                     std::make_move_iterator(parts.rend()));
    }

    void restart() {
        real_.clear();
        here_ = UniqueFd(check(raw::openat(root_fd_, ".", kDirFlags), "."));
    }

    // ".." at the root stays there, as in any root file system.
    void climb() {
        std::vector<std::string> kept = std::move(real_);
        if (!kept.empty()) kept.pop_back();
        restart();
        for (const std::string& part : kept)
            here_ = UniqueFd(check(raw::openat(here_.get(), part.c_str(), kDirFlags), part));
        real_ = std::move(kept);
    }

    void enter(const std::string& part) {
        int rc = raw::openat(here_.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (rc == -ENOENT) return make(part, false);
        UniqueFd found(check(rc, part));
        struct stat status {};
        if (::fstat(found.get(), &status) != 0) throw SysError(errno, "stat", base::quote(part));
        if (S_ISDIR(status.st_mode)) {
            here_ = std::move(found);
            real_.push_back(part);
        } else if (S_ISLNK(status.st_mode)) {
            follow(found.get());
        } else if (S_ISCHR(status.st_mode)) {
            // A hide mark of this layer, and now an entry below it.
            if (events_ == nullptr) return here_.reset();
            rc = raw::unlinkat(here_.get(), part.c_str());
            if (rc < 0) throw SysError(-rc, "remove", base::quote(part));
            make(part, true);
        } else {
            throw IntegrityError("bad path " + base::quote(asked_) + ": " + base::quote(part) +
                                 " is not a directory");
        }
    }

    void make(const std::string& part, bool over_mark) {
        if (events_ == nullptr) return here_.reset();
        real_.push_back(part);
        const std::string path = base::join(real_, "/");
        check_entry_path(path);  // links on the way may have added to what was asked for
        const int rc = raw::mkdirat(here_.get(), part.c_str(), 0755);
        if (rc < 0) throw SysError(-rc, "make directory", base::quote(part));
        here_ = UniqueFd(check(raw::openat(here_.get(), part.c_str(), kDirFlags), part));
        // In place of a mark it is a new directory, which has nothing to do with a lower one.
        if (over_mark) return events_->uncovered(here_.get());
        events_->implied(path);
    }

    void follow(int link_fd) {
        if (++links_ > kMaxLinks)
            throw IntegrityError("bad path " + base::quote(asked_) + ": too many symbolic links");
        std::string text(4096, '\0');
        const long size = raw::readlinkat(link_fd, "", text.data(), text.size());
        if (size < 0) throw SysError(static_cast<int>(-size), "read link");
        text.resize(static_cast<size_t>(size));
        if (text.starts_with('/')) restart();
        push(text);
    }

    [[nodiscard]] int check(int rc, std::string_view part) const {
        if (rc == -ENAMETOOLONG || rc == -ENOTDIR)
            throw IntegrityError("bad path " + base::quote(asked_) + ": " + base::errno_text(-rc));
        if (rc < 0) throw SysError(-rc, "open directory", base::quote(part));
        return rc;
    }

    int root_fd_;
    std::string asked_;
    const DirCache::Events* events_;
    std::vector<std::string> todo_;  // the next component is the last one
    std::vector<std::string> real_;  // components of here_, none of them a link
    UniqueFd here_;
    int links_ = 0;
};

}  // namespace

DirCache::DirCache(int root_fd, Events events) : root_fd_(root_fd), events_(std::move(events)) {}

DirCache::Slot* DirCache::find(std::string_view path) noexcept {
    for (Slot& slot : slots_) {
        if (slot.fd.valid() && slot.path == path) {
            slot.used = ++clock_;
            return &slot;
        }
    }
    return nullptr;
}

int DirCache::remember(std::string_view path, UniqueFd fd) {
    Slot& oldest = *std::min_element(slots_.begin(), slots_.end(),
                                     [](const Slot& a, const Slot& b) { return a.used < b.used; });
    oldest.path = path;
    oldest.fd = std::move(fd);
    oldest.used = ++clock_;
    return oldest.fd.get();
}

int DirCache::direct(const char* path) const noexcept {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    return raw::openat2(root_fd_, path, how);
}

int DirCache::open(std::string_view clean_path) {
    if (clean_path.empty()) return root_fd_;
    if (const Slot* slot = find(clean_path)) return slot->fd.get();
    const int rc = direct(std::string(clean_path).c_str());
    if (rc >= 0) return remember(clean_path, UniqueFd(rc));
    // What the kernel cannot resolve (missing, too long, a mark, or no openat2): by hand.
    return remember(clean_path, Walk(root_fd_, clean_path, &events_).run());
}

int DirCache::try_open(std::string_view clean_path) {
    if (clean_path.empty()) return root_fd_;
    if (const Slot* slot = find(clean_path)) return slot->fd.get();
    const int rc = direct(std::string(clean_path).c_str());
    UniqueFd found(rc);
    // EAGAIN: somebody moves directories about, wherever, and there was ".." in a link
    // (openat2(2)).
    if (rc == -ENOSYS || rc == -ENAMETOOLONG || rc == -EAGAIN) {
        found = Walk(root_fd_, clean_path, nullptr).run();
    } else if (rc == -ENOMEM || rc == -ENFILE || rc == -EMFILE || rc == -EIO) {
        throw SysError(-rc, "open directory", base::quote(clean_path.substr(0, 512)));
    }
    return found.valid() ? remember(clean_path, std::move(found)) : -1;
}

void DirCache::forget() noexcept {
    for (Slot& slot : slots_) slot = Slot{};
}

}  // namespace sandbox::image
