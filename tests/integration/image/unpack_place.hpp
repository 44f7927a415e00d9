// A place to unpack into, with a canary outside of it, and what an unpack did there.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/unpack.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "support/skip.hpp"

namespace sandbox::test {

// Ids 0 to 65535, as a user with an ordinary subuid range has them.
inline kernel::IdMap range_map() {
    kernel::IdMap map = kernel::host_id_map();
    for (auto* ranges : {&map.uids, &map.gids})
        for (kernel::IdRange& range : *ranges)
            if (range.inside.value + range.count > 65536) range.count = 65536 - range.inside.value;
    return map;
}
inline kernel::IdMap single_map() {
    return kernel::single_id_map({0}, {0});
}

class Place {
  public:
    Place() {
        std::string pattern = (::getenv("TMPDIR") != nullptr ? ::getenv("TMPDIR") : "/tmp") +
                              std::string("/sbx-XXXXXX");
        if (::mkdtemp(pattern.data()) == nullptr) throw base::SysError(errno, "make a directory");
        path_ = pattern;
        root_ = base::open_dir(path_);
        base::make_dir_at(root_.get(), "fs", 0755);
        fs_ = base::open_at(root_.get(), "fs", O_RDONLY | O_DIRECTORY);
        owners_ = base::open_at(root_.get(), "owners", O_RDWR | O_CREAT, 0600);
        for (const char* name : {"canary", "x", "shadow"})
            base::write_file_atomic(root_.get(), name, "untouched", 0600,
                                    base::Durability::volatile_data);
        before_ = picture();
    }
    Place(const Place&) = delete;
    ~Place() {
        try {
            fs_.reset();
            kernel::remove_tree(root_.get(), "fs");
            const base::UniqueFd above = base::open_dir(path_.substr(0, path_.rfind('/')));
            kernel::remove_tree(above.get(), path_.substr(path_.rfind('/') + 1));
        } catch (const std::exception& error) {
            std::fprintf(stderr, "cannot remove %s: %s\n", path_.c_str(), error.what());
        }
    }

    int fs_fd() const { return fs_.get(); }
    int owners_fd() const { return owners_.get(); }
    int root_fd() const { return root_.get(); }
    std::string owners() const { return base::read_file_at(root_.get(), "owners", 64u << 20); }
    bool canary_untouched() const { return picture() == before_; }

  private:
    std::string picture() const {
        std::string text;
        for (const std::string& name : base::list_dir(root_.get())) {
            if (name == "fs" || name == "owners") continue;
            struct stat status {};
            (void)::fstatat(root_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
            text += name + " " + std::to_string(status.st_ino) + " " +
                    std::to_string(status.st_mtim.tv_nsec) + " " + std::to_string(status.st_mode) +
                    " " + base::read_file_at(root_.get(), name, 1000) + "\n";
        }
        for (const char* outside : {"/etc/shadow", "/etc/passwd", "/tmp"}) {
            struct stat status {};
            (void)::stat(outside, &status);
            text += std::to_string(status.st_ino) + " " + std::to_string(status.st_mode) + " " +
                    std::to_string(status.st_size) + "\n";
        }
        struct stat canary {};
        text += ::stat("/tmp/canary", &canary) == 0 ? "canary\n" : "no canary\n";
        return text;
    }

    std::string path_;
    base::UniqueFd root_;
    base::UniqueFd fs_;
    base::UniqueFd owners_;
    std::string before_;
};

struct Outcome {
    std::optional<image::UnpackReport> report;
    std::string error;       // empty when it worked
    bool integrity = false;  // the error was IntegrityError
    std::chrono::milliseconds took{0};
};

inline Outcome unpack_blob(const Place& place, int blob_fd, const kernel::IdMap& ids,
                           const image::UnpackLimits& limits = {}) {
    image::UnpackPlan plan;
    plan.blob_fd = blob_fd;
    plan.target_fd = place.fs_fd();
    plan.owners_fd = place.owners_fd();
    plan.ids = ids;
    plan.limits = limits;
    Outcome outcome;
    const auto begin = std::chrono::steady_clock::now();
    try {
        struct stat status {};
        (void)::fstat(blob_fd, &status);
        image::LayerUnpack unpack = image::LayerUnpack::start(plan);
        unpack.end_of_blob(static_cast<std::uint64_t>(status.st_size));
        outcome.report = unpack.finish();
    } catch (const base::Error& error) {
        outcome.error = error.message().empty() ? "(no words)" : error.message();
        outcome.integrity = dynamic_cast<const base::IntegrityError*>(&error) != nullptr;
    }
    outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    return outcome;
}

inline long peak_children_kib() {
    rusage usage{};
    (void)::getrusage(RUSAGE_CHILDREN, &usage);
    return usage.ru_maxrss;
}

}  // namespace sandbox::test
