#include "image/adopt_dirs.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <catch2/catch.hpp>
#include <chrono>

#include "image/entry_path.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "unit/store/temp_store.hpp"

namespace {

using namespace sandbox;
using Paths = std::vector<std::string>;

// A layer's tree, made by hand.
class Tree {
  public:
    void dir(const std::string& path, mode_t mode = 0755) {
        base::make_dir_at(top(), path, 0700);
        REQUIRE(::fchmodat(top(), path.c_str(), mode, 0) == 0);
    }
    void opaque(const std::string& path) {
        const base::UniqueFd fd = base::open_at(top(), path, O_RDONLY | O_DIRECTORY);
        REQUIRE(base::raw::fsetxattr(fd.get(), "user.overlay.opaque", "y", 1, 0) == 0);
    }
    void file(const std::string& path) {
        (void)base::open_at(top(), path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    }
    [[nodiscard]] mode_t mode(const std::string& path) const {
        struct stat status {};
        REQUIRE(::fstatat(top(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0);
        return status.st_mode & 07777;
    }
    [[nodiscard]] int top() const { return temp_.store().layers_fd(); }

  private:
    test::TempStore temp_;
};

void adopt(const Tree& own, Paths paths, const std::vector<int>& lowers) {
    image::sort_as_walked(paths);
    image::adopt_each(own.top(), paths, lowers);
}

// One directory within the other, all named "d".
Paths make_chain(const Tree& tree, size_t depth, mode_t mode) {
    Paths paths;
    base::UniqueFd here = base::open_at(tree.top(), ".", O_RDONLY | O_DIRECTORY);
    std::string path;
    for (size_t i = 0; i < depth; ++i) {
        base::make_dir_at(here.get(), "d", 0755);
        REQUIRE(::fchmodat(here.get(), "d", mode, 0) == 0);
        here = base::open_at(here.get(), "d", O_RDONLY | O_DIRECTORY);
        path += i == 0 ? "d" : "/d";
        paths.push_back(path);
    }
    return paths;
}

mode_t mode_at_the_end(const Tree& tree, size_t depth) {
    base::UniqueFd here = base::open_at(tree.top(), ".", O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < depth; ++i) {
        here = base::open_at(here.get(), "d", O_RDONLY | O_DIRECTORY);
    }
    struct stat status {};
    REQUIRE(::fstat(here.get(), &status) == 0);
    return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("paths are sorted as a walk meets them") {
    Paths paths{"a-b", "b", "a/b", "a", "", "a/b/c", "a.b"};
    image::sort_as_walked(paths);
    CHECK(paths == Paths{"", "a", "a/b", "a/b/c", "a-b", "a.b", "b"});
}

TEST_CASE("an implied directory takes the looks of the topmost layer that has it") {
    Tree own;
    Tree upper;
    Tree lower;
    for (const char* path : {"a", "a/b", "a/b/c", "a-b", "z", "z/y", "z/y/x"}) own.dir(path);
    upper.dir("a", 0701);
    upper.dir("z", 0702);
    for (const char* path : {"a", "a/b", "a/b/c", "a-b", "z", "z/y"}) lower.dir(path, 0711);
    adopt(own, {"a", "a/b", "a/b/c", "a-b", "z/y", "z/y/x"}, {upper.top(), lower.top()});
    CHECK(own.mode("a") == 0701);
    CHECK(own.mode("a/b") == 0711);
    CHECK(own.mode("a/b/c") == 0711);
    CHECK(own.mode("a-b") == 0711);
    CHECK(own.mode("z") == 0755);  // it had an entry
    CHECK(own.mode("z/y") == 0711);
    CHECK(own.mode("z/y/x") == 0755);  // no layer below has it
}

TEST_CASE("nothing is adopted through an opaque directory or a file on the way") {
    Tree own;
    Tree upper;
    Tree lower;
    const Paths all{"hidden", "hidden/in", "closed", "closed/in", "file", "file/in", "after"};
    for (const std::string& path : all) own.dir(path);
    own.opaque("hidden");
    upper.dir("closed", 0701);
    upper.opaque("closed");
    upper.file("file");
    for (const std::string& path : all) lower.dir(path, 0711);
    adopt(own, all, {upper.top(), lower.top()});
    CHECK(own.mode("hidden") == 0711);  // the mark hides what is in it
    CHECK(own.mode("hidden/in") == 0755);
    CHECK(own.mode("closed") == 0701);
    CHECK(own.mode("closed/in") == 0755);
    CHECK(own.mode("file") == 0755);
    CHECK(own.mode("file/in") == 0755);
    CHECK(own.mode("after") == 0711);
    own.opaque(".");
    lower.dir("more");
    own.dir("more", 0700);
    adopt(own, {"", "more"}, {lower.top()});
    CHECK(own.mode("more") == 0700);
}

TEST_CASE("a deep path is gone through once, not from the root for each directory on it") {
    constexpr size_t kDepth = 600;
    Tree own;
    Tree lower;
    const Paths paths = make_chain(own, kDepth, 0755);
    (void)make_chain(lower, kDepth, 0711);
    const auto begin = std::chrono::steady_clock::now();
    adopt(own, paths, {lower.top()});
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(3));
    CHECK(mode_at_the_end(own, kDepth) == 0711);
}

TEST_CASE("a path that is longer or deeper than any that can be used is refused") {
    const auto deep = [](size_t depth) {
        std::string path = "a";
        while (--depth > 0) path += "/a";
        return path;
    };
    CHECK_NOTHROW(image::check_entry_path(""));
    CHECK_NOTHROW(image::check_entry_path(deep(image::kMaxPathDepth)));
    CHECK_THROWS_WITH(image::check_entry_path(deep(image::kMaxPathDepth + 1)),
                      Catch::Contains("bad path") && Catch::Contains("deeper than 2048"));
    CHECK_NOTHROW(image::check_entry_path(std::string(image::kMaxPathBytes, 'x')));
    CHECK_THROWS_WITH(image::check_entry_path(std::string(image::kMaxPathBytes + 1, 'x')),
                      Catch::Contains("longer than 16384 bytes"));
}
