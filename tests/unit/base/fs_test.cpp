#include "sandbox/base/fs.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "path_walk.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/temp_dir.hpp"
#include "unit/base/scratch_dir.hpp"

using namespace sandbox::base;
using sandbox::test::ScratchDir;

namespace {

void put(const ScratchDir& dir, const std::string& path, std::string_view text) {
    write_all(open_at(dir.fd(), path, O_WRONLY | O_CREAT | O_EXCL, 0644).get(), text);
}

void link_to(const ScratchDir& dir, const std::string& target, const std::string& path) {
    REQUIRE(raw::symlinkat(target.c_str(), dir.fd(), path.c_str()) == 0);
}

// Both ways to the same answer: the kernel's openat2 and the walk by hand.
int by_hand(const ScratchDir& dir, const std::string& path, WalkRule rule, int flags = O_RDONLY) {
    return UniqueFd(walk_and_open(dir.fd(), path, flags, 0644, rule)).release();
}
int by_kernel(const ScratchDir& dir, const std::string& path, WalkRule rule, int flags = O_RDONLY) {
    try {
        return (rule == WalkRule::beneath ? open_beneath(dir.fd(), path, flags, 0644)
                                          : open_in_root(dir.fd(), path, flags, 0644))
            .release();
    } catch (const SysError& error) {
        return -error.errnum();
    }
}
std::string answer(int rc) {
    if (rc < 0) return std::string(errno_name(-rc));
    const UniqueFd fd(rc);
    struct stat info {};
    REQUIRE(::fstat(rc, &info) == 0);
    return std::to_string(info.st_ino);
}

}  // namespace

TEST_CASE("the walk by hand answers what openat2 answers") {
    const ScratchDir outer;
    make_dir_at(outer.fd(), "root", 0755);
    put(outer, "secret", "outside");
    make_dir_at(outer.fd(), "root/sub", 0755);
    make_dir_at(outer.fd(), "root/sub/deep", 0755);
    put(outer, "root/file", "inside");
    put(outer, "root/secret", "inside too");
    link_to(outer, "../secret", "root/up");
    link_to(outer, "/secret", "root/absolute");
    link_to(outer, "../../../../../secret", "root/far_up");
    link_to(outer, "sub/deep", "root/to_dir");
    link_to(outer, "loop_b", "root/loop_a");
    link_to(outer, "loop_a", "root/loop_b");
    link_to(outer, "nowhere", "root/dangling");
    link_to(outer, "/", "root/to_root");
    link_to(outer, "to_dir/../../file", "root/via");
    link_to(outer, "file/", "root/file_slash");

    const ScratchDir unused;
    const UniqueFd root = open_at(outer.fd(), "root", O_RDONLY | O_DIRECTORY);
    for (const WalkRule rule : {WalkRule::beneath, WalkRule::in_root}) {
        for (const char* path : {"file",
                                 "./file",
                                 "sub/../file",
                                 "sub/deep",
                                 "sub/",
                                 "file/",
                                 "file/x",
                                 "missing",
                                 "missing/x",
                                 "up",
                                 "absolute",
                                 "far_up",
                                 "to_dir",
                                 "to_dir/",
                                 "to_dir/..",
                                 "loop_a",
                                 "dangling",
                                 "to_root",
                                 "to_root/file",
                                 "via",
                                 "..",
                                 "../secret",
                                 "/",
                                 "/file",
                                 "//file",
                                 ".",
                                 "",
                                 "sub//deep",
                                 "file_slash",
                                 "/../../file",
                                 "to_dir/../../file",
                                 "sub/deep/../../../root/file"}) {
            INFO(path << (rule == WalkRule::beneath ? " beneath" : " in root"));
            const auto hand = walk_and_open(root.get(), path, O_RDONLY, 0, rule);
            int kernel = 0;
            try {
                kernel = (rule == WalkRule::beneath ? open_beneath(root.get(), path, O_RDONLY)
                                                    : open_in_root(root.get(), path, O_RDONLY))
                             .release();
            } catch (const SysError& error) {
                kernel = -error.errnum();
            }
            CHECK(answer(hand) == answer(kernel));
        }
    }
}

TEST_CASE("O_NOFOLLOW, O_CREAT and O_EXCL mean the same in the walk by hand") {
    const ScratchDir dir;
    put(dir, "file", "x");
    link_to(dir, "file", "link");
    link_to(dir, "new_by_link", "dangling");
    for (const auto open : {&by_hand, &by_kernel}) {
        CHECK(answer(open(dir, "link", WalkRule::in_root, O_RDONLY | O_NOFOLLOW)) == "ELOOP");
        CHECK(answer(open(dir, "link", WalkRule::in_root, O_WRONLY | O_CREAT | O_EXCL)) ==
              "EEXIST");
        CHECK(answer(open(dir, "file", WalkRule::in_root, O_WRONLY | O_CREAT | O_EXCL)) ==
              "EEXIST");
        CHECK(open(dir, "dangling", WalkRule::in_root, O_WRONLY | O_CREAT) >= 0);
        CHECK(exists_at(dir.fd(), "new_by_link"));
        unlink_at(dir.fd(), "new_by_link");
    }
}

TEST_CASE("magic links of procfs are never followed") {
    const UniqueFd proc = open_dir("/proc/self");
    CHECK(walk_and_open(proc.get(), "root/etc", O_RDONLY, 0, WalkRule::in_root) == -ELOOP);
    CHECK_THROWS_AS(open_in_root(proc.get(), "root/etc", O_RDONLY), SysError);
}

TEST_CASE("a missing file or directory is absent, another failure throws") {
    const ScratchDir dir;
    put(dir, "file", "x");
    CHECK_FALSE(try_open_in_root(dir.fd(), "missing", O_RDONLY));
    CHECK_FALSE(try_open_in_root(dir.fd(), "file/x", O_RDONLY));
    CHECK_FALSE(try_open_at(dir.fd(), "missing", O_RDONLY));
    CHECK_FALSE(try_read_file_at(dir.fd(), "missing", 10));
    CHECK_THROWS_AS(try_open_at(dir.fd(), "file/x", O_RDONLY), SysError);
    CHECK_FALSE(exists_at(dir.fd(), "missing"));
    CHECK_FALSE(exists_at(dir.fd(), "file/x"));
    link_to(dir, "nowhere", "dangling");
    CHECK(exists_at(dir.fd(), "dangling"));
}

TEST_CASE("opened descriptors are closed on exec") {
    const ScratchDir dir;
    put(dir, "file", "x");
    for (const UniqueFd& fd :
         {open_at(dir.fd(), "file", O_RDONLY), open_beneath(dir.fd(), "file", O_RDONLY),
          open_in_root(dir.fd(), "file", O_RDONLY), open_dir(dir.path())}) {
        CHECK((raw::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    }
    const UniqueFd walked(walk_and_open(dir.fd(), "file", O_RDONLY, 0, WalkRule::in_root));
    CHECK((raw::fcntl(walked.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("directories are made with their parents and existing ones are fine") {
    const ScratchDir dir;
    make_dirs(dir / "a/b/c", 0755);
    make_dirs(dir / "a/b/c", 0755);
    make_dirs(dir / "a//b/c/d/", 0755);
    CHECK(exists_at(dir.fd(), "a/b/c/d"));
    put(dir, "file", "x");
    CHECK_THROWS_AS(make_dirs(dir / "file", 0755), SysError);
    CHECK_THROWS_AS(make_dirs(dir / "file/x", 0755), SysError);
    CHECK_THROWS_AS(make_dir_at(dir.fd(), "file", 0755), SysError);
    CHECK_THROWS_AS(make_dirs("", 0755), SysError);
}

TEST_CASE("a file is read whole up to the limit and refused above it") {
    const ScratchDir dir;
    put(dir, "file", std::string(10'000, 'x'));
    put(dir, "empty", "");
    CHECK(read_file_at(dir.fd(), "file", 10'000).size() == 10'000);
    CHECK(read_file(dir / "empty", 0).empty());
    CHECK_THROWS_WITH(read_file(dir / "file", 9'999), Catch::Contains("larger than 9999 bytes"));
    CHECK(read_file("/proc/self/status", 1u << 20).find("Name:") != std::string::npos);
}

TEST_CASE("a FIFO, a directory or a device in a file's place is refused without blocking") {
    const ScratchDir dir;
    REQUIRE(raw::mknodat(dir.fd(), "fifo", S_IFIFO | 0600, 0) == 0);
    CHECK_THROWS_WITH(read_file(dir / "fifo", 10), Catch::Contains("not a regular file"));
    CHECK_THROWS_WITH(read_file(dir.path(), 10), Catch::Contains("not a regular file"));
    CHECK_THROWS_WITH(read_file("/dev/zero", 10), Catch::Contains("not a regular file"));
}

TEST_CASE("an atomic write replaces the whole file, sets the mode and leaves nothing beside it") {
    const ScratchDir dir;
    for (const auto durability : {Durability::synced, Durability::volatile_data}) {
        write_file_atomic(dir.fd(), "file", "long old content", 0644, durability);
        write_file_atomic(dir.fd(), "file", "new", 0600, durability);
        CHECK(read_file(dir / "file", 100) == "new");
        struct stat info {};
        REQUIRE(::fstatat(dir.fd(), "file", &info, 0) == 0);
        CHECK((info.st_mode & 07777) == 0600);
        CHECK(list_dir(dir.fd()) == std::vector<std::string>{"file"});
    }
    make_dir_at(dir.fd(), "dir", 0755);
    CHECK_THROWS_AS(write_file_atomic(dir.fd(), "dir", "x", 0600, Durability::synced), SysError);
    CHECK(list_dir(dir.fd()) == std::vector<std::string>{"dir", "file"});
}

TEST_CASE("an atomic write to a path is made where the path leads, whatever it starts from") {
    const ScratchDir dir;
    write_file_atomic(open_dir("/proc").get(), dir / "file", "text", 0644,
                      Durability::volatile_data);
    CHECK(read_file(dir / "file", 16) == "text");
    CHECK(list_dir(dir.fd()) == std::vector<std::string>{"file"});
}

TEST_CASE("names are listed sorted, also through an O_PATH descriptor, again and again") {
    const ScratchDir dir;
    for (const char* name : {"b", "a", ".hidden", "..."}) put(dir, name, "");
    const UniqueFd path_fd = open_at(AT_FDCWD, dir.path(), O_PATH | O_DIRECTORY);
    const std::vector<std::string> expected{"...", ".hidden", "a", "b"};
    CHECK(list_dir(path_fd.get()) == expected);
    CHECK(list_dir(dir.fd()) == expected);
    CHECK(list_dir(dir.fd()) == expected);
}

TEST_CASE("a directory that is removed while it is open is empty") {
    const ScratchDir dir;
    make_dirs(dir / "gone", 0755);
    const UniqueFd open = open_dir(dir / "gone");
    CHECK(remove_tree_at(dir.fd(), "gone"));
    CHECK(list_dir(open.get()).empty());
}

TEST_CASE("removing says whether a missing file matters") {
    const ScratchDir dir;
    CHECK_NOTHROW(unlink_at(dir.fd(), "missing", true));
    CHECK_THROWS_AS(unlink_at(dir.fd(), "missing"), SysError);
}
