#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "unit/base/scratch_dir.hpp"

using namespace sandbox::base;
using sandbox::test::ScratchDir;

namespace {

void put(int dir_fd, const std::string& path, std::string_view text) {
    write_all(open_at(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL, 0644).get(), text);
}

// A chain of `depth` directories named "d", with a file in each.
void make_chain(int dir_fd, int depth) {
    make_dir_at(dir_fd, "d", 0755);
    UniqueFd at = open_at(dir_fd, "d", O_RDONLY | O_DIRECTORY);
    for (int i = 1; i < depth; ++i) {
        put(at.get(), "file", "x");
        make_dir_at(at.get(), "d", 0755);
        at = open_at(at.get(), "d", O_RDONLY | O_DIRECTORY);
    }
}

size_t open_descriptors() {
    return list_dir(open_dir("/proc/self/fd").get()).size();
}

}  // namespace

TEST_CASE("a tree of depth 3000 is measured and removed with few descriptors") {
    const ScratchDir dir;
    make_chain(dir.fd(), 3000);
    const size_t before = open_descriptors();
    const TreeUsage usage = measure_tree_at(dir.fd(), "d");
    CHECK(usage.entries == 3000 + 2999);
    CHECK(remove_tree_at(dir.fd(), "d"));
    CHECK(list_dir(dir.fd()).empty());
    CHECK(open_descriptors() == before);
}

TEST_CASE("directories of our own without permissions are removed with all below") {
    const ScratchDir dir;
    make_dirs(dir / "tree/none/below", 0755);
    make_dirs(dir / "tree/readonly/below", 0755);
    put(dir.fd(), "tree/none/file", "x");
    put(dir.fd(), "tree/readonly/file", "x");
    REQUIRE(raw::fchmodat(dir.fd(), "tree/none", 0) == 0);
    REQUIRE(raw::fchmodat(dir.fd(), "tree/readonly", 0555) == 0);
    REQUIRE(raw::fchmodat(dir.fd(), "tree", 0) == 0);
    CHECK(remove_tree_at(dir.fd(), "tree"));
    CHECK(list_dir(dir.fd()).empty());
}

TEST_CASE("links in a tree are removed, never followed") {
    const ScratchDir dir;
    make_dirs(dir / "canary/keep", 0755);
    put(dir.fd(), "canary/file", "alive");
    make_dirs(dir / "tree/sub", 0755);
    REQUIRE(raw::symlinkat("../canary", dir.fd(), "tree/link") == 0);
    REQUIRE(raw::symlinkat((dir / "canary").c_str(), dir.fd(), "tree/sub/absolute") == 0);
    REQUIRE(raw::symlinkat("canary", dir.fd(), "link") == 0);
    CHECK(remove_tree_at(dir.fd(), "tree"));
    CHECK(remove_tree_at(dir.fd(), "link"));
    CHECK(read_file(dir / "canary/file", 10) == "alive");
    CHECK(list_dir(dir.fd()) == std::vector<std::string>{"canary"});
}

TEST_CASE("a single file, an empty directory and nothing at all can be removed") {
    const ScratchDir dir;
    put(dir.fd(), "file", "x");
    make_dir_at(dir.fd(), "empty", 0755);
    CHECK(remove_tree_at(dir.fd(), "file"));
    CHECK(remove_tree_at(dir.fd(), "empty"));
    CHECK(remove_tree_at(dir.fd(), "missing"));
    CHECK(list_dir(dir.fd()).empty());
}

TEST_CASE("a directory with very many entries is removed whole") {
    const ScratchDir dir;
    make_dir_at(dir.fd(), "tree", 0755);
    const UniqueFd tree = open_at(dir.fd(), "tree", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 3000; ++i) put(tree.get(), "file" + std::to_string(i), "");
    for (int i = 0; i < 300; ++i) make_dirs(dir / ("tree/d" + std::to_string(i) + "/sub"), 0755);
    CHECK(remove_tree_at(dir.fd(), "tree"));
    CHECK(list_dir(dir.fd()).empty());
}

TEST_CASE("hard links are counted once, sparse files by what they occupy") {
    const ScratchDir dir;
    make_dir_at(dir.fd(), "tree", 0755);
    put(dir.fd(), "tree/a", std::string(100'000, 'x'));
    REQUIRE(raw::linkat(dir.fd(), "tree/a", dir.fd(), "tree/b", 0) == 0);
    const TreeUsage once = measure_tree_at(dir.fd(), "tree");
    CHECK(once.entries == 2);
    CHECK(once.apparent_bytes >= 100'000);
    CHECK(once.apparent_bytes < 200'000);
    const UniqueFd sparse = open_at(dir.fd(), "tree/sparse", O_WRONLY | O_CREAT, 0644);
    REQUIRE(::ftruncate(sparse.get(), 1 << 30) == 0);
    const TreeUsage usage = measure_tree_at(dir.fd(), "tree");
    CHECK(usage.apparent_bytes - once.apparent_bytes == 1 << 30);
    CHECK(usage.allocated_bytes - once.allocated_bytes < 1 << 20);
    CHECK(measure_tree_at(dir.fd(), "missing").entries == 0);  // it may just have gone
}
