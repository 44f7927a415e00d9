#include "sandbox/image/rootfs.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "unit/store/temp_store.hpp"

namespace {

using namespace sandbox;
using image::RootfsPlan;

// Layers made by hand, as the unpacking child would: top first in the plan.
class HandMade {
  public:
    void add_layer(const std::string& name) {
        base::make_dir_at(layers(), name, 0700);
        base::make_dir_at(layers(), name + "/fs", 0755);
        plan_.lower_dirs.insert(plan_.lower_dirs.begin(), name + "/fs");
        prefix_ = name + "/fs/";
    }
    void dir(const std::string& path) { base::make_dir_at(layers(), prefix_ + path, 0755); }
    void opaque_dir(const std::string& path) {
        dir(path);
        const base::UniqueFd fd = base::open_at(layers(), prefix_ + path, O_RDONLY | O_DIRECTORY);
        REQUIRE(base::raw::fsetxattr(fd.get(), "user.overlay.opaque", "y", 1, 0) == 0);
    }
    void file(const std::string& path, const std::string& text) {
        const base::UniqueFd fd =
            base::open_at(layers(), prefix_ + path, O_WRONLY | O_CREAT | O_EXCL, 0644);
        base::write_all(fd.get(), text);
    }
    void link(const std::string& path, const char* target) {
        REQUIRE(base::raw::symlinkat(target, layers(), (prefix_ + path).c_str()) == 0);
    }
    void node(const std::string& path, mode_t mode) {
        REQUIRE(base::raw::mknodat(layers(), (prefix_ + path).c_str(), mode, 0) == 0);
    }
    void whiteout(const std::string& path) { node(path, S_IFCHR); }

    [[nodiscard]] std::optional<std::string> read(const std::string& path,
                                                  size_t limit = 1u << 20) const {
        return image::try_read_image_file(temp_.store(), plan_, path, limit);
    }
    [[nodiscard]] const test::TempStore& temp() const noexcept { return temp_; }
    [[nodiscard]] const RootfsPlan& plan() const noexcept { return plan_; }

  private:
    [[nodiscard]] int layers() const { return temp_.store().layers_fd(); }
    test::TempStore temp_;
    RootfsPlan plan_;
    std::string prefix_;
};

HandMade make_image() {
    HandMade image;
    image.add_layer("bottom");
    image.dir("etc");
    image.file("etc/passwd", "old");
    image.file("etc/group", "group");
    image.file("etc/gone", "x");
    image.dir("opt");
    image.file("opt/hidden", "x");
    image.dir("usr");
    image.file("usr/file", "deep");
    image.add_layer("top");
    image.dir("etc");
    image.file("etc/passwd", "new");
    image.whiteout("etc/gone");
    image.opaque_dir("opt");
    image.file("opt/seen", "seen");
    image.link("alias", "/etc/../etc/group");
    image.link("up", "../../../../../../etc/group");
    image.link("loop", "loop");
    image.link("dir", "usr");
    image.link("host", "/proc/self/status");
    image.node("etc/fifo", S_IFIFO | 0644);
    return image;
}

}  // namespace

TEST_CASE("a file of the image is the topmost layer's, deeper ones shine through") {
    const HandMade image = make_image();
    CHECK(image.read("/etc/passwd") == "new");
    CHECK(image.read("etc/group") == "group");
    CHECK(image.read("/usr/./file") == "deep");
}

TEST_CASE("whiteouts and opaque directories hide what is below") {
    const HandMade image = make_image();
    CHECK_FALSE(image.read("/etc/gone"));
    CHECK_FALSE(image.read("/opt/hidden"));
    CHECK(image.read("/opt/seen") == "seen");
}

TEST_CASE("links stay within the image") {
    const HandMade image = make_image();
    CHECK(image.read("/alias") == "group");
    CHECK(image.read("/up") == "group");
    CHECK(image.read("/dir/file") == "deep");
    CHECK_FALSE(image.read("/loop"));
    CHECK_FALSE(image.read("/host"));
    CHECK_FALSE(image.read("/../../etc/nothing"));
}

TEST_CASE("what is no regular file is not read, and too much is an error") {
    const HandMade image = make_image();
    CHECK_FALSE(image.read("/etc/fifo"));
    CHECK_FALSE(image.read("/etc"));
    CHECK_FALSE(image.read("/etc/passwd/x"));
    CHECK_FALSE(image.read("/"));
    CHECK_THROWS_AS(image.read("/etc/passwd", 2), base::Error);
}

TEST_CASE("a copied tree has the merged content of all layers") {
    const HandMade image = make_image();
    base::make_dir_at(image.temp().store().root_fd(), "copy", 0700);
    const base::UniqueFd target =
        base::open_at(image.temp().store().root_fd(), "copy", O_RDONLY | O_DIRECTORY);
    image::copy_rootfs(image.temp().store(), image.plan(), target.get());
    CHECK(base::read_file_at(target.get(), "etc/passwd", 100) == "new");
    CHECK(base::read_file_at(target.get(), "etc/group", 100) == "group");
    CHECK(base::read_file_at(target.get(), "opt/seen", 100) == "seen");
    CHECK_FALSE(base::exists_at(target.get(), "etc/gone"));
    CHECK_FALSE(base::exists_at(target.get(), "opt/hidden"));
    struct stat info {};
    REQUIRE(::fstatat(target.get(), "etc/fifo", &info, AT_SYMLINK_NOFOLLOW) == 0);
    CHECK(S_ISFIFO(info.st_mode));
    REQUIRE(::fstatat(target.get(), "alias", &info, AT_SYMLINK_NOFOLLOW) == 0);
    CHECK(S_ISLNK(info.st_mode));
    char value = '\0';
    const base::UniqueFd opt = base::open_at(target.get(), "opt", O_RDONLY | O_DIRECTORY);
    CHECK(::fgetxattr(opt.get(), "user.overlay.opaque", &value, 1) < 0);
}

TEST_CASE("a plan names the layers top first, and a missing one is an error") {
    const test::TempStore temp;
    const oci::ChainId low{oci::Digest::from_hex(std::string(64, '1'))};
    const oci::ChainId high{oci::Digest::from_hex(std::string(64, '2'))};
    store::ImageRecord record{.id = low.digest, .manifest = low.digest};
    record.chains = {low, high};
    base::make_dir_at(temp.store().layers_fd(), "single-" + low.digest.hex(), 0700);
    CHECK_THROWS_AS(image::plan_rootfs(temp.store(), record, kernel::IdMode::single), base::Error);
    base::make_dir_at(temp.store().layers_fd(), "single-" + high.digest.hex(), 0700);
    const RootfsPlan plan = image::plan_rootfs(temp.store(), record, kernel::IdMode::single);
    CHECK(plan.lower_dirs == std::vector<std::string>{"single-" + high.digest.hex() + "/fs",
                                                      "single-" + low.digest.hex() + "/fs"});
    CHECK_THROWS_AS(image::plan_rootfs(temp.store(), record, kernel::IdMode::range), base::Error);
}
