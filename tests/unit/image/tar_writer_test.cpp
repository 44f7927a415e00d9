#include "image/tar_writer.hpp"

#include <sys/mman.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/subprocess.hpp"

using namespace sandbox;
using image::EntryType;
using image::SparseMap;
using image::TarEntry;
using image::TarReader;
using image::TarWriter;

namespace {

base::UniqueFd make_memory_file() {
    return base::UniqueFd(::memfd_create("tar", MFD_CLOEXEC));
}

std::string content_of(int fd) {
    REQUIRE(::lseek(fd, 0, SEEK_SET) == 0);
    return base::read_fd(fd, 64u << 20);
}

TarReader::NextBlock once(const std::string& text) {
    return [&text, done = false]() mutable {
        const bool first = !std::exchange(done, true);
        return std::as_bytes(std::span(text.data(), first ? text.size() : 0));
    };
}

// What our strict reader makes of one written entry.
TarEntry through_reader(const TarEntry& entry, const std::string& data = {}) {
    const base::UniqueFd fd = make_memory_file();
    TarWriter writer(fd.get());
    writer.add(entry);
    writer.write_data(data);
    writer.end_data();
    writer.finish();
    const std::string text = content_of(fd.get());
    CHECK(text.size() == writer.bytes());
    CHECK(text.size() % 512 == 0);
    TarReader reader(once(text));
    TarEntry read;
    REQUIRE(reader.next(read));
    std::string got;
    while (const auto block = reader.next_data()) {
        got.append(reinterpret_cast<const char*>(block->bytes.data()), block->bytes.size());
    }
    CHECK(got == data);
    TarEntry rest;
    CHECK_FALSE(reader.next(rest));
    return read;
}

void check_same(const TarEntry& read, const TarEntry& wanted) {
    CHECK(read.path == wanted.path);
    CHECK(read.type == wanted.type);
    CHECK(read.link_target == wanted.link_target);
    CHECK(read.mode == wanted.mode);
    CHECK(read.uid == wanted.uid);
    CHECK(read.gid == wanted.gid);
    CHECK(read.mtime_seconds == wanted.mtime_seconds);
    CHECK(read.mtime_nanoseconds == wanted.mtime_nanoseconds);
    CHECK(read.size_bytes == wanted.size_bytes);
    REQUIRE(read.xattrs.size() == wanted.xattrs.size());
    for (size_t i = 0; i < read.xattrs.size(); ++i) {
        CHECK(read.xattrs[i].name == wanted.xattrs[i].name);
        CHECK(read.xattrs[i].value == wanted.xattrs[i].value);
    }
}

}  // namespace

TEST_CASE("names of every length and of any bytes come back as they were") {
    const auto length = GENERATE(1, 99, 100, 101, 155, 200, 255, 256, 257, 1000, 5000);
    for (const bool slashes : {false, true}) {
        for (const char* start : {"", "caf\xc3\xa9", "\xff\xfe bad", "line\nfeed \x1b[31m"}) {
            TarEntry entry;
            entry.path = start;
            while (entry.path.size() < static_cast<size_t>(length)) {
                entry.path += slashes && entry.path.size() % 50 == 49 ? '/' : 'n';
            }
            if (entry.path.ends_with('/')) entry.path += 'n';
            entry.mode = 0640;
            check_same(through_reader(entry), entry);
        }
    }
}

TEST_CASE("numbers, times and attributes that ustar cannot hold come back as they were") {
    TarEntry entry;
    entry.path = "file";
    entry.mode = 06751;
    entry.uid = GENERATE(0ull, 2097151ull, 2097152ull, 4294967294ull);
    entry.gid = 4'000'000'000;
    entry.mtime_seconds = GENERATE(0ll, 1'700'000'000ll, -6ll, -1ll, 9'000'000'000ll);
    entry.mtime_nanoseconds = GENERATE(0u, 1u, 750'000'000u, 999'999'999u);
    entry.size_bytes = 5;
    entry.xattrs = {{"user.empty", ""},
                    {"user.bytes", std::string("\0\n=\xff", 4)},
                    {"user.large", std::string(9000, 'x')}};
    check_same(through_reader(entry, "12345"), entry);
}

TEST_CASE("links, nodes and directories come back as what they were") {
    TarEntry link;
    link.path = "link";
    link.type = GENERATE(EntryType::symlink, EntryType::hard_link);
    link.mode = 0777;
    link.link_target = GENERATE(std::string("target"), std::string(400, 't'));
    check_same(through_reader(link), link);
    TarEntry node;
    node.path = "node";
    node.type = EntryType::char_device;
    node.device_major = 5;
    node.device_minor = 300;
    const TarEntry read = through_reader(node);
    CHECK(read.type == EntryType::char_device);
    CHECK(read.device_major == 5);
    CHECK(read.device_minor == 300);
    TarEntry dir;
    dir.path = "dir";
    dir.type = EntryType::directory;
    CHECK(through_reader(dir).path == "dir/");
    TarEntry socket;
    socket.path = "socket";
    socket.type = EntryType::socket;
    CHECK_THROWS_AS(through_reader(socket), base::Error);
}

TEST_CASE("a file larger than octal digits can say keeps its size") {
    TarEntry entry;
    entry.path = "big";
    entry.size_bytes = 1ull << 40;
    const base::UniqueFd fd = make_memory_file();
    TarWriter writer(fd.get());
    writer.add(entry);
    writer.finish();
    const std::string text = content_of(fd.get());
    TarReader reader(once(text));
    TarEntry read;
    REQUIRE(reader.next(read));
    CHECK(read.size_bytes == 1ull << 40);
}

TEST_CASE("holes are written as holes, and read as such by us and by GNU tar") {
    const base::UniqueFd fd = make_memory_file();
    TarWriter writer(fd.get());
    TarEntry entry;
    entry.path = "sparse \xff";
    entry.mode = 0600;
    entry.size_bytes = 1u << 20;
    const SparseMap pieces{{4096, 5}, {500'000, 7}};
    writer.add_sparse(entry, pieces);
    writer.write_data("firstseconds");
    writer.end_data();
    entry.path = "after";
    entry.size_bytes = 3;
    writer.add(entry);
    writer.write_data("end");
    writer.end_data();
    writer.finish();
    const std::string text = content_of(fd.get());
    CHECK(text.size() < 16384);
    TarReader reader(once(text));
    TarEntry read;
    REQUIRE(reader.next(read));
    CHECK(read.path == "sparse \xff");
    CHECK(read.size_bytes == 1u << 20);
    auto block = reader.next_data();
    REQUIRE(block);
    CHECK(block->offset == 4096);
    CHECK(block->bytes.size() == 5);
    block = reader.next_data();
    REQUIRE(block);
    CHECK(block->offset == 500'000);
    CHECK(block->bytes.size() == 7);
    CHECK_FALSE(reader.next_data());
    REQUIRE(reader.next(read));
    CHECK(read.path == "after");
    if (base::try_find_program("tar")) {
        const auto listed = base::run_subprocess({"tar", "--quoting-style=literal", "-tvf", "-"},
                                                 {.input = text, .env = std::nullopt});
        CHECK(listed.exit_code == 0);
        CHECK(listed.err.empty());
        CHECK(listed.out.find("1048576") != std::string::npos);
        CHECK(listed.out.find("sparse \xff") != std::string::npos);
    }
}

TEST_CASE("a file that has become shorter is filled up with zeros and said so") {
    const base::UniqueFd content = make_memory_file();
    base::write_all(content.get(), std::string(300'000, 'x'));
    const base::UniqueFd fd = make_memory_file();
    TarWriter writer(fd.get());
    TarEntry entry;
    entry.path = "file";
    entry.size_bytes = 400'000;
    writer.add(entry);
    CHECK(writer.copy_data(content.get(), 0, 400'000) == 100'000);
    writer.end_data();
    writer.finish();
    const std::string text = content_of(fd.get());
    CHECK(text.substr(512, 300'000) == std::string(300'000, 'x'));
    CHECK(text.substr(300'512, 100'000) == std::string(100'000, '\0'));
}
