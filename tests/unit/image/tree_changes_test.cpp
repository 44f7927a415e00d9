// What a tree has that the layers below it have not. Whiteouts are device nodes 0:0, which anybody
// may make (mknod(2), since Linux 5.8).
#include "sandbox/image/tree_changes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <catch2/catch.hpp>

#include "sandbox/base/fs.hpp"
#include "unit/base/scratch_dir.hpp"

using namespace sandbox;
using test::ScratchDir;

namespace {

class Lines final : public image::ChangeVisitor {
  public:
    void found(int, const std::string&, const std::string& path, Kind kind, bool is_dir,
               bool differs) override {
        text += std::string(kind == Kind::added ? "A"
                            : differs           ? "C"
                                                : "=") +
                path + (is_dir ? "/ " : " ");
    }
    void deleted(const std::string& path) override { text += "D" + path + " "; }
    bool hides_all(const std::string& path) override {
        if (hides) text += "O" + path + " ";
        return hides;
    }
    bool hides = false;
    std::string text;
};

void put(const std::string& path, const std::string& content = "x") {
    base::make_dirs(path.substr(0, path.rfind('/')), 0755);
    const base::UniqueFd fd = base::open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    base::write_all(fd.get(), content);
}

void same_times(const std::string& root) {
    const timespec times[2] = {{1'000'000, 0}, {1'000'000, 0}};
    for (const std::string& name : base::list_dir(base::open_dir(root).get())) {
        const std::string path = root + "/" + name;
        struct stat info {};
        REQUIRE(::lstat(path.c_str(), &info) == 0);
        if (S_ISDIR(info.st_mode)) same_times(path);
        REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
    }
}

bool hide(const std::string& path) {
    base::make_dirs(path.substr(0, path.rfind('/')), 0755);
    return ::mknod(path.c_str(), S_IFCHR, 0) == 0;
}

std::string changes(const std::string& top, bool is_upper, const std::vector<std::string>& lowers,
                    bool hides = false) {
    const base::UniqueFd top_fd = base::open_dir(top);
    std::vector<base::UniqueFd> owners;
    image::ChangedTree tree{top_fd.get(), is_upper, {}};
    for (const std::string& lower : lowers) {
        owners.push_back(base::open_dir(lower));
        tree.lower_fds.push_back(owners.back().get());
    }
    Lines lines;
    lines.hides = hides;
    image::walk_changes(tree, lines);
    return lines.text;
}

}  // namespace

TEST_CASE("an upper directory's entries are added, changed or deleted by what the layers show") {
    const ScratchDir scratch;
    const std::string bottom = scratch / "bottom", top = scratch / "top", upper = scratch / "upper";
    put(bottom + "/d/old");
    put(bottom + "/d/hidden");
    put(bottom + "/gone/x");
    put(bottom + "/was_dir/x");
    put(bottom + "/was_file");
    put(top + "/d/both");
    REQUIRE(hide(top + "/d/hidden"));
    put(upper + "/d/old", "new");
    put(upper + "/d/hidden");
    put(upper + "/d/made");
    put(upper + "/was_dir");
    put(upper + "/was_file/x");
    put(upper + "/new/sub/file");
    REQUIRE(hide(upper + "/gone"));
    REQUIRE(hide(upper + "/d/both"));
    REQUIRE(hide(upper + "/nothing"));
    for (const std::string& root : {bottom, top, upper}) same_times(root);
    CHECK(changes(upper, true, {top, bottom}) ==
          "=d/ Dd/both Ad/hidden Ad/made Cd/old Dgone Anew/ Anew/sub/ Anew/sub/file Cwas_dir "
          "Cwas_file/ Awas_file/x ");
}

TEST_CASE("an opaque directory hides what was there") {
    const ScratchDir scratch;
    const std::string lower = scratch / "lower", upper = scratch / "upper";
    put(lower + "/d/one");
    put(lower + "/d/two");
    put(upper + "/d/two", "again");
    for (const std::string& root : {lower, upper}) same_times(root);
    if (::setxattr((upper + "/d").c_str(), "user.overlay.opaque", "y", 1, 0) != 0) {
        WARN("no user attributes here");
        return;
    }
    CHECK(changes(upper, true, {lower}) == "=d/ Dd/one Ad/two ");
    CHECK(changes(upper, true, {lower}, true) == "=d/ Od Ad/two ");
}

TEST_CASE("a copied tree is compared entry by entry, and a launch's mount points are no change") {
    const ScratchDir scratch;
    const std::string lower = scratch / "lower", tree = scratch / "tree";
    for (const std::string& root : {lower, tree}) {
        put(root + "/etc/same");
        put(root + "/etc/time");
        put(root + "/etc/size");
        put(root + "/etc/mode");
        REQUIRE(::symlink("a", (root + "/link").c_str()) == 0);
    }
    put(lower + "/deleted/x");
    put(tree + "/etc/size", "longer");
    put(tree + "/etc/hosts");
    put(tree + "/proc/x");
    put(tree + "/added/x");
    REQUIRE(::unlink((tree + "/link").c_str()) == 0);
    REQUIRE(::symlink("b", (tree + "/link").c_str()) == 0);
    same_times(lower);
    same_times(tree);
    REQUIRE(::chmod((tree + "/etc/mode").c_str(), 0600) == 0);
    REQUIRE(::utimensat(AT_FDCWD, (tree + "/etc/time").c_str(), nullptr, 0) == 0);
    REQUIRE(::utimensat(AT_FDCWD, (tree + "/etc").c_str(), nullptr, 0) == 0);
    CHECK(changes(tree, false, {lower}) ==
          "Aadded/ Aadded/x Ddeleted =etc/ Cetc/mode Cetc/size Cetc/time Clink ");
}
