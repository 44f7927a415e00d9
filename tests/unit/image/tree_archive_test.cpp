// Tree → tar → tree, as cp does it, without the locked-up child around it.
#include "sandbox/image/tree_archive.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <catch2/catch.hpp>

#include "image/tar_writer.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/subprocess.hpp"
#include "unit/base/scratch_dir.hpp"

using namespace sandbox;
using image::ExtractOptions;
using image::FileReport;
using image::TarEntry;
using image::TarWriter;
using image::TreeArchive;
using test::ScratchDir;

namespace {

base::UniqueFd make_memory_file() {
    return base::UniqueFd(::memfd_create("tar", MFD_CLOEXEC));
}

void write_file(const std::string& path, const std::string& text, mode_t mode = 0644) {
    const base::UniqueFd fd = base::open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    base::write_all(fd.get(), text);
    REQUIRE(::fchmod(fd.get(), mode) == 0);
}

std::string read(const std::string& path) {
    return base::read_file(path, 1u << 20);
}

struct stat stat_of(const std::string& path) {
    struct stat info {};
    INFO(path);
    REQUIRE(::lstat(path.c_str(), &info) == 0);
    return info;
}

base::UniqueFd archive(const std::string& parent, const std::string& name,
                       const std::string& tar_name, FileReport* report = nullptr) {
    base::UniqueFd tar = make_memory_file();
    const base::UniqueFd dir = base::open_dir(parent);
    TreeArchive writer(tar.get(), {});
    writer.add(dir.get(), name, tar_name, name == "." ? "" : name);
    FileReport made = writer.finish();
    if (report != nullptr) *report = made;
    REQUIRE(::lseek(tar.get(), 0, SEEK_SET) == 0);
    return tar;
}

FileReport extract(int tar_fd, const std::string& target, ExtractOptions options = {}) {
    options.shown_target = target;
    const base::UniqueFd dir = base::open_dir(target);
    return image::extract_tree(tar_fd, dir.get(), options);
}

// A tar with one entry, as a hostile container could send it.
base::UniqueFd one_entry(const TarEntry& entry) {
    base::UniqueFd tar = make_memory_file();
    TarWriter writer(tar.get());
    writer.add(entry);
    writer.finish();
    REQUIRE(::lseek(tar.get(), 0, SEEK_SET) == 0);
    return tar;
}

TarEntry make_entry(const std::string& path, image::EntryType type,
                    const std::string& target = {}) {
    TarEntry entry;
    entry.path = path;
    entry.type = type;
    entry.mode = 0755;
    entry.link_target = target;
    return entry;
}

}  // namespace

TEST_CASE("a tree comes back with contents, modes, times, links, holes and attributes") {
    const ScratchDir scratch;
    const std::string from = scratch.path() + "/from", to = scratch.path() + "/to";
    base::make_dirs(from + "/sub/closed", 0755);
    base::make_dirs(to, 0755);
    write_file(from + "/file", "content", 0640);
    write_file(from + "/odd \n\x1b\xff name", "odd");
    write_file(from + "/" + std::string(250, 'l'), "long");
    REQUIRE(::link((from + "/file").c_str(), (from + "/sub/second").c_str()) == 0);
    REQUIRE(::symlink("../../etc/passwd", (from + "/link").c_str()) == 0);
    REQUIRE(::mkfifo((from + "/fifo").c_str(), 0622) == 0);
    const bool has_xattrs = ::setxattr((from + "/file").c_str(), "user.note", "kept", 4, 0) == 0;
    write_file(from + "/sub/closed/inner", "x", 0400);
    {
        const base::UniqueFd sparse =
            base::open_at(AT_FDCWD, from + "/sparse", O_WRONLY | O_CREAT, 0644);
        REQUIRE(::ftruncate(sparse.get(), 8 << 20) == 0);
        REQUIRE(::pwrite(sparse.get(), "middle", 6, 4 << 20) == 6);
    }
    const timespec times[2] = {{1, 0}, {1'600'000'000, 123'456'789}};
    REQUIRE(::utimensat(AT_FDCWD, (from + "/sub").c_str(), times, 0) == 0);
    REQUIRE(::chmod((from + "/sub/closed").c_str(), 0500) == 0);
    {
        const base::UniqueFd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = from + "/socket";
        REQUIRE(path.size() < sizeof address.sun_path);
        path.copy(address.sun_path, path.size());
        REQUIRE(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) ==
                0);
    }

    FileReport report;
    const base::UniqueFd tar = archive(scratch.path(), "from", "name", &report);
    CHECK(report.failures.empty());
    REQUIRE(report.notices.size() == 1);
    CHECK(report.notices[0].find("is a socket") != std::string::npos);
    CHECK(extract(tar.get(), to).failures.empty());

    const std::string got = to + "/name";
    CHECK(read(got + "/file") == "content");
    CHECK(stat_of(got + "/file").st_mode == (S_IFREG | 0640));
    CHECK(stat_of(got + "/file").st_ino == stat_of(got + "/sub/second").st_ino);
    CHECK(read(got + "/odd \n\x1b\xff name") == "odd");
    CHECK(read(got + "/" + std::string(250, 'l')) == "long");
    CHECK(S_ISFIFO(stat_of(got + "/fifo").st_mode));
    char text[64] = {};
    CHECK(::readlink((got + "/link").c_str(), text, sizeof text) == 16);
    CHECK(stat_of(got + "/sub").st_mtim.tv_nsec == 123'456'789);
    CHECK(stat_of(got + "/sub").st_mtim.tv_sec == 1'600'000'000);
    CHECK((stat_of(got + "/sub/closed").st_mode & 07777) == 0500);
    CHECK(stat_of(got + "/sparse").st_size == 8 << 20);
    CHECK(stat_of(got + "/sparse").st_blocks * 512 < 1 << 20);
    CHECK(base::read_file(got + "/sparse", 16u << 20).substr(4 << 20, 6) == "middle");
    CHECK_FALSE(base::exists_at(AT_FDCWD, got + "/socket"));
    if (has_xattrs) {
        CHECK(::getxattr((got + "/file").c_str(), "user.note", text, sizeof text) == 4);
    }
    REQUIRE(::chmod((from + "/sub/closed").c_str(), 0700) == 0);
    REQUIRE(::chmod((got + "/sub/closed").c_str(), 0700) == 0);
}

TEST_CASE("GNU tar reads what we archive, names and contents alike") {
    if (!base::try_find_program("tar")) return;
    const ScratchDir scratch;
    const std::string from = scratch.path() + "/from", to = scratch.path() + "/to";
    base::make_dirs(from + "/d", 0755);
    base::make_dirs(to, 0755);
    write_file(from + "/d/" + std::string(200, 'n'), "long name");
    write_file(from + "/d/\xff\xfe", "bytes");
    write_file(from + "/d/large", std::string(700'000, 'y'));
    const base::UniqueFd tar = archive(from, ".", "./");
    const std::string file = scratch.path() + "/a.tar";
    {
        const base::UniqueFd out = base::open_at(AT_FDCWD, file, O_WRONLY | O_CREAT, 0644);
        image::copy_bytes(tar.get(), out.get(),
                          static_cast<std::uint64_t>(::lseek(tar.get(), 0, SEEK_END)), "archive");
    }
    const auto result = base::run_subprocess({"tar", "-xf", file, "-C", to});
    INFO(result.err);
    CHECK(result.exit_code == 0);
    CHECK(result.err.empty());
    const auto same = base::run_subprocess({"diff", "-r", from, to});
    CHECK(same.exit_code == 0);
}

TEST_CASE("what exists is replaced and never written through") {
    const ScratchDir scratch;
    const std::string from = scratch.path() + "/from", to = scratch.path() + "/to";
    base::make_dirs(from, 0755);
    base::make_dirs(to + "/there", 0755);
    write_file(scratch.path() + "/canary", "untouched");
    write_file(from + "/a", "new");
    write_file(to + "/there/file", "mine");
    REQUIRE(::symlink("../canary", (to + "/a").c_str()) == 0);
    (void)extract(archive(from, "a", "a").get(), to);
    CHECK(read(to + "/a") == "new");
    CHECK(S_ISREG(stat_of(to + "/a").st_mode));
    CHECK(read(scratch.path() + "/canary") == "untouched");
    CHECK_THROWS_WITH(extract(archive(from, "a", "there").get(), to),
                      Catch::Contains("cannot overwrite directory"));
    CHECK(read(to + "/there/file") == "mine");
    CHECK_THROWS_WITH(extract(archive(scratch.path(), "from", "a").get(), to),
                      Catch::Contains("cannot overwrite non-directory"));
    for (const std::string& name : base::list_dir(base::open_dir(to).get())) {
        CHECK(name.find(".sandbox-cp") == std::string::npos);
    }
}

TEST_CASE("the first component is renamed, in hard links as well") {
    const ScratchDir scratch;
    const std::string from = scratch.path() + "/from", to = scratch.path() + "/to";
    base::make_dirs(from, 0755);
    base::make_dirs(to, 0755);
    write_file(from + "/x", "1");
    REQUIRE(::link((from + "/x").c_str(), (from + "/y").c_str()) == 0);
    ExtractOptions options;
    options.rename_from = "from";
    options.rename_to = "other";
    (void)extract(archive(scratch.path(), "from", "from").get(), to, options);
    CHECK(stat_of(to + "/other/x").st_ino == stat_of(to + "/other/y").st_ino);
    options.rename_from = "";
    options.rename_to = "third";
    (void)extract(archive(from, ".", "./").get(), to, options);
    CHECK(read(to + "/third/x") == "1");
}

TEST_CASE("hostile archives make nothing outside of the target") {
    const ScratchDir scratch;
    const std::string to = scratch.path() + "/to", outside = scratch.path() + "/outside";
    base::make_dirs(to, 0755);
    base::make_dirs(outside, 0755);
    write_file(outside + "/canary", "untouched");
    using image::EntryType;
    CHECK_THROWS_AS(extract(one_entry(make_entry("../x", EntryType::file)).get(), to),
                    base::IntegrityError);
    (void)extract(one_entry(make_entry("/abs", EntryType::file)).get(), to);
    CHECK(base::exists_at(AT_FDCWD, to + "/abs"));
    (void)extract(one_entry(make_entry("out", EntryType::symlink, outside)).get(), to);
    CHECK_THROWS(extract(one_entry(make_entry("out/made", EntryType::file)).get(), to));
    CHECK_THROWS(extract(one_entry(make_entry("out", EntryType::directory)).get(), to));
    CHECK_THROWS(
        extract(one_entry(make_entry("h", EntryType::hard_link, "../outside/canary")).get(), to));
    CHECK_THROWS(extract(one_entry(make_entry("h", EntryType::hard_link, "out/canary")).get(), to));
    CHECK_THROWS(extract(one_entry(make_entry("h", EntryType::hard_link, "abs")).get(), to));
    (void)extract(one_entry(make_entry("null", EntryType::char_device)).get(), to);
    CHECK_FALSE(base::exists_at(AT_FDCWD, to + "/null"));
    TarEntry setuid = make_entry("setuid", EntryType::file);
    setuid.mode = 06755;
    (void)extract(one_entry(setuid).get(), to);
    CHECK(stat_of(to + "/setuid").st_mode == (S_IFREG | 0755));
    CHECK(base::list_dir(base::open_dir(outside).get()) == std::vector<std::string>{"canary"});
    CHECK(read(outside + "/canary") == "untouched");
}

TEST_CASE("a compressed archive is extracted as a plain one is") {
    if (!base::try_find_program("gzip")) return;
    const ScratchDir scratch;
    const std::string from = scratch.path() + "/from", to = scratch.path() + "/to";
    base::make_dirs(from, 0755);
    base::make_dirs(to, 0755);
    write_file(from + "/x", std::string(500'000, 'z'));
    const std::string file = scratch.path() + "/a.tar";
    {
        const base::UniqueFd tar = archive(from, "x", "x");
        const base::UniqueFd out = base::open_at(AT_FDCWD, file, O_WRONLY | O_CREAT, 0644);
        image::copy_bytes(tar.get(), out.get(),
                          static_cast<std::uint64_t>(::lseek(tar.get(), 0, SEEK_END)), "archive");
    }
    REQUIRE(base::run_subprocess({"gzip", file}).exit_code == 0);
    const base::UniqueFd in = base::open_at(AT_FDCWD, file + ".gz", O_RDONLY);
    (void)extract(in.get(), to);
    CHECK(read(to + "/x") == std::string(500'000, 'z'));
}
