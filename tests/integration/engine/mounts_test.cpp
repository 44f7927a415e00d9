#include <catch2/catch.hpp>
#include <fstream>

#include "launch_fixture.hpp"

using namespace sandbox;
using engine::MountSpec;
using test::LaunchFixture;
using test::Result;

namespace {

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
}

MountSpec bind_of(const std::string& source, const std::string& target, bool read_only = false) {
    MountSpec mount;
    mount.kind = MountSpec::Kind::bind;
    mount.source = source;
    mount.target = target;
    mount.read_only = read_only;
    return mount;
}

std::string failure_of(LaunchFixture& fixture) {
    try {
        (void)fixture.run("true");
    } catch (const base::Error& error) {
        CHECK(error.code() == 125);
        return error.message();
    }
    return "no error";
}

// The mapped root must own what it is to write to, which differs from us only when we are root.
void give(const std::string& path) {
    if (::geteuid() != 0) return;
    const kernel::IdMap map = kernel::host_id_map();
    (void)::lchown(path.c_str(), map.uids[0].outside.value, map.gids[0].outside.value);
}

}  // namespace

TEST_CASE("a directory and a file are bound, read-only where asked, with nosuid and nodev") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    std::filesystem::create_directory(fixture.root() + "/source");
    ::chmod(fixture.root().c_str(), 0755);
    write_file(fixture.root() + "/source/file", "text");
    give(fixture.root() + "/source");
    give(fixture.root() + "/source/file");
    fixture.spec.mounts = {bind_of(fixture.root() + "/source", "/made/deep"),
                           bind_of(fixture.root() + "/source", "/ro", true),
                           bind_of(fixture.root() + "/source/file", "/etc/some/file", true)};
    const Result result = fixture.run(
        "cat /made/deep/file /etc/some/file; touch /made/deep/new && echo wrote;"
        "touch /ro/x 2>/dev/null || echo refused; echo y 2>/dev/null >/etc/some/file || echo "
        "refused;"
        "grep -c ' /made/deep [^ ]*nosuid,nodev' /proc/self/mountinfo");
    CHECK(result.out == "texttextwrote\nrefused\nrefused\n1\n");
    CHECK(std::filesystem::exists(fixture.root() + "/source/new"));
}

TEST_CASE("mounts on what is always the container's own are refused") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    for (const char* target : {"/proc", "/proc/self/attr", "/proc/1", "/sys", "/dev", "/",
                               "/link-to-proc", "/link-to-dev", "/link-up/../proc/sys"}) {
        LaunchFixture fixture;
        std::filesystem::create_symlink("/proc/self/../../proc",
                                        fixture.layer_path() + "/link-to-proc");
        std::filesystem::create_symlink("dev", fixture.layer_path() + "/link-to-dev");
        std::filesystem::create_symlink("../../../tmp", fixture.layer_path() + "/link-up");
        ::chmod(fixture.root().c_str(), 0755);
        fixture.spec.mounts = {bind_of(fixture.root(), target)};
        INFO(target);
        CHECK(failure_of(fixture).find("forbidden mount target") == 0);
    }
}

TEST_CASE("a target's links are followed inside the root only") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    ::chmod(fixture.root().c_str(), 0755);
    const std::string canary = fixture.root() + "/canary";
    std::filesystem::create_directory(canary);
    std::filesystem::create_symlink(canary, fixture.layer_path() + "/out");
    std::filesystem::create_symlink("../../../../../../.." + canary,
                                    fixture.layer_path() + "/out2");
    std::filesystem::create_directory(fixture.root() + "/source");
    write_file(fixture.root() + "/source/file", "text");
    fixture.spec.mounts = {bind_of(fixture.root() + "/source", "/out/a"),
                           bind_of(fixture.root() + "/source", "/out2/b")};
    const Result result = fixture.run("cat /out/a/file /out2/b/file");
    CHECK(result.out == "texttext");
    CHECK(std::filesystem::is_empty(canary));
}

TEST_CASE("a file is not mounted on a directory, nor the other way round") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    ::chmod(fixture.root().c_str(), 0755);
    write_file(fixture.root() + "/file", "text");
    fixture.spec.mounts = {bind_of(fixture.root() + "/file", "/tmp")};
    CHECK(failure_of(fixture) == "mount target \"/tmp\" is a directory, but the source is a file");
    LaunchFixture other;
    ::chmod(other.root().c_str(), 0755);
    other.spec.mounts = {bind_of(other.root(), "/bin/busybox")};
    CHECK(failure_of(other).find("is not a directory, but the source is one") != std::string::npos);
    LaunchFixture missing;
    missing.spec.mounts = {bind_of("/no/such/source", "/x")};
    CHECK(failure_of(missing) ==
          "open the bind source \"/no/such/source\": no such file or directory");
}

TEST_CASE("a new volume gets the image's content once, with modes and links") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    const std::string data = fixture.layer_path() + "/data";
    std::filesystem::create_directories(data + "/sub");
    write_file(data + "/sub/file", "seed");
    std::filesystem::create_symlink("sub/file", data + "/link");
    for (const char* path : {"", "/sub", "/sub/file", "/link"}) give(data + path);
    ::chmod((data + "/sub/file").c_str(), 04711);
    ::chmod(data.c_str(), 0711);
    const std::string volume = fixture.root() + "/store/volume";
    std::filesystem::create_directory(volume);
    ::chmod(fixture.root().c_str(), 0755);
    if (::geteuid() == 0) ::chmod((fixture.root() + "/store").c_str(), 0755);
    MountSpec mount;
    mount.kind = MountSpec::Kind::volume;
    mount.source = volume;
    mount.volume_name = "v";
    mount.target = "/data";
    mount.seed = true;
    fixture.spec.mounts = {mount};
    const Result result = fixture.run(
        "cat /data/link; stat -c %a /data /data/sub/file; readlink /data/link; rm /data/sub/file");
    CHECK(result.out == "seed711\n4711\nsub/file\n");
    CHECK(std::filesystem::exists(volume + "/sub"));
    CHECK_FALSE(std::filesystem::exists(volume + "/sub/file"));
    CHECK(std::filesystem::exists(data + "/sub/file"));
}

TEST_CASE("an image whose /dev, /proc, /sys and /etc are links cannot lead the launch astray") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    ::chmod(fixture.root().c_str(), 0777);
    const std::string canary = fixture.root() + "/canary";
    std::filesystem::create_directory(canary);
    ::chmod(canary.c_str(), 0777);
    for (const char* name : {"dev", "proc", "sys"}) {
        std::filesystem::create_symlink(canary, fixture.layer_path() + "/" + name);
    }
    std::filesystem::create_directory(fixture.layer_path() + "/etc");
    give(fixture.layer_path() + "/etc");
    for (const char* name : {"hosts", "hostname", "resolv.conf"}) {
        std::filesystem::create_symlink("../../.." + canary + "/" + name,
                                        fixture.layer_path() + "/etc/" + name);
    }
    const Result result = fixture.run("cat /etc/hostname; ls /proc/self/fd | wc -l; ls /dev/null");
    CHECK(result.out == "inside\n4\n/dev/null\n");
    CHECK(std::filesystem::is_empty(canary));
}

TEST_CASE("a root can be read-only while tmpfs and volumes are not") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    fixture.spec.read_only_root = true;
    MountSpec mount;
    mount.kind = MountSpec::Kind::tmpfs;
    mount.target = "/scratch";
    mount.tmpfs_size_bytes = 1u << 20;
    mount.exec = false;
    fixture.spec.mounts = {mount};
    const Result result = fixture.run(
        "touch /x 2>/dev/null || echo refused; touch /scratch/x && echo wrote;"
        "dd if=/dev/zero of=/scratch/big bs=1M count=3 2>/dev/null || echo full;"
        "grep ' /scratch ' /proc/self/mountinfo | grep -c noexec; stat -c %a /scratch");
    CHECK(result.out == "refused\nwrote\nfull\n1\n1777\n");
}

TEST_CASE("a hundred and twenty-seven layers are mounted, also where a page of options must do") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    fixture.spec.rootfs.lower_dirs.clear();
    for (int i = 0; i < 126; ++i) {
        const std::string name = "range-" + std::string(60, 'f') + std::to_string(1000 + i);
        const std::string path = fixture.root() + "/store/layers/" + name + "/fs";
        std::filesystem::create_directories(path);
        write_file(path + "/f" + std::to_string(i), std::to_string(i));
        give(fixture.root() + "/store/layers/" + name);
        give(path);
        give(path + "/f" + std::to_string(i));
        fixture.spec.rootfs.lower_dirs.push_back(name + "/fs");
    }
    fixture.spec.rootfs.lower_dirs.push_back("test-layer/fs");
    const Result result = fixture.run("cat /f0 /f125; ls -d /f* | wc -l");
    CHECK(result.out == "0125126\n");
}
