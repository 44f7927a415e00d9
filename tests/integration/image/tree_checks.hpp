// What tests/support/hostile_layers.py says about an unpacked tree, looked at from inside a user
// namespace that owns it. Throws base::Error naming the check that does not hold.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <string>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::test {

inline std::string unhex(const std::string& text) {
    if (!text.starts_with("hex:")) return text;
    std::string bytes;
    for (size_t i = 4; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    return bytes;
}

class TreeCheck {
  public:
    TreeCheck(int root_fd, const base::json::Array& words, std::string owners)
        : owners_(std::move(owners)) {
        for (const base::json::Value& word : words) {
            if (const std::string* text = word.as_string()) {
                words_.push_back(unhex(*text));
            } else {
                words_.push_back(std::to_string(word.try_i64().value_or(0)));
            }
        }
        open_parent(root_fd);
    }

    void run() {
        const std::string& what = words_[0];
        if (what == "recorded") return expect(is_recorded());
        struct stat status {};
        const bool exists = parent_.valid() && ::fstatat(parent_.get(), name_.c_str(), &status,
                                                         AT_SYMLINK_NOFOLLOW) == 0;
        if (what == "absent") return expect(!exists);
        expect(exists);
        if (what == "type") return expect(letter(status) == word(2));
        if (what == "mark")
            return expect(S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0));
        if (what == "mode") return expect(status.st_mode % 010000 == number(2));
        if (what == "size") return expect(status.st_size == number(2));
        if (what == "blocks-below") return expect(status.st_blocks < number(2));
        if (what == "owner")
            return expect(status.st_uid == number(2) && status.st_gid == number(3));
        if (what == "mtime") return expect(same_time(status));
        if (what == "content") return expect(letter(status) == "f" && content() == word(2));
        if (what == "link") return expect(link_text() == word(2));
        if (what == "empty") return expect(base::list_dir(open(O_RDONLY).get()).empty());
        if (what == "opaque") return expect(xattr("user.overlay.opaque") == "y");
        if (what == "not-opaque") return expect(xattr("user.overlay.opaque") != "y");
        if (what == "xattr") return expect(xattr(word(2)) == word(3));
        if (what == "no-xattr") return expect(xattr(word(2)) == "(none)");
        if (what == "capability")
            return expect(base::to_hex(xattr("security.capability").data(),
                                       xattr("security.capability").size()) == word(2));
        if (what == "same") return expect(inode_of_second() == status.st_ino);
        throw base::Error("unknown check \"" + what + "\"");
    }

  private:
    void open_parent(int root_fd) {
        root_fd_ = root_fd;
        if (words_[0] == "recorded") return;
        const auto [parent, name] = split(words_.at(1));
        name_ = name;
        parent_ = walk(parent);
    }
    static std::pair<std::string, std::string> split(std::string path) {
        while (path.ends_with('/')) path.pop_back();
        if (path.empty()) return {"", "."};
        const size_t slash = path.rfind('/');
        if (slash == std::string::npos) return {"", path};
        return {path.substr(0, slash), path.substr(slash + 1)};
    }
    // Component by component: no link is followed, and length does not matter.
    base::UniqueFd walk(const std::string& path) const {
        constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        base::UniqueFd here(base::raw::openat(root_fd_, ".", kFlags));
        for (const std::string& part : base::split(path, '/')) {
            if (part.empty()) continue;
            here = base::UniqueFd(base::raw::openat(here.get(), part.c_str(), kFlags));
            if (!here.valid()) break;
        }
        return here;
    }
    base::UniqueFd open(int flags) const {
        return base::open_at(parent_.get(), name_, flags | O_NOFOLLOW);
    }
    std::string content() const { return base::read_fd(open(O_RDONLY).get(), 1u << 20); }
    std::string link_text() const {
        std::string text(8192, '\0');
        const long size =
            base::raw::readlinkat(parent_.get(), name_.c_str(), text.data(), text.size());
        return size < 0 ? "(no link)" : text.substr(0, static_cast<size_t>(size));
    }
    std::string xattr(const std::string& key) const {
        std::string value(256, '\0');
        const base::UniqueFd file = open(O_RDONLY);
        const ssize_t size = ::fgetxattr(file.get(), key.c_str(), value.data(), value.size());
        return size < 0 ? "(none)" : value.substr(0, static_cast<size_t>(size));
    }
    static std::string letter(const struct stat& status) {
        if (S_ISDIR(status.st_mode)) return "d";
        if (S_ISLNK(status.st_mode)) return "l";
        if (S_ISFIFO(status.st_mode)) return "p";
        if (S_ISREG(status.st_mode)) return "f";
        return "c";
    }
    bool same_time(const struct stat& status) const {
        return status.st_mtim.tv_sec == number(2) &&
               (words_.size() < 4 || status.st_mtim.tv_nsec == number(3));
    }
    bool is_recorded() const {
        return ("\0" + owners_).find(word(1) + std::string(1, '\0')) != std::string::npos;
    }
    ino_t inode_of_second() const {
        const auto [parent, name] = split(word(2));
        struct stat status {};
        const base::UniqueFd dir = walk(parent);
        (void)::fstatat(dir.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
        return status.st_ino;
    }
    const std::string& word(size_t i) const { return words_.at(i); }
    long number(size_t i) const { return std::stol(words_.at(i)); }
    void expect(bool holds) const {
        if (holds) return;
        std::string text;
        for (const std::string& each : words_) text += " " + base::quote(each.substr(0, 100));
        throw base::Error("does not hold:" + text);
    }

    int root_fd_ = -1;
    std::vector<std::string> words_;
    std::string owners_;
    base::UniqueFd parent_;
    std::string name_;
};

}  // namespace sandbox::test
