#include "tar_index.hpp"

#include <sys/mman.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "tar_writer.hpp"

namespace {

using namespace sandbox;
using image::TarMember;
using image::TarWriter;

base::UniqueFd make_memory_file() {
    return base::UniqueFd(::memfd_create("tar", MFD_CLOEXEC));
}

std::string member_text(int fd, const TarMember& member) {
    std::string text(member.size_bytes, '\0');
    REQUIRE(::pread(fd, text.data(), text.size(), static_cast<off_t>(member.offset_bytes)) ==
            static_cast<ssize_t>(text.size()));
    return text;
}

// One header with the given name, type and link, with a right checksum.
std::string make_header(const std::string& name, char type, const std::string& link,
                        const std::string& size = "00000000000") {
    std::string block(512, '\0');
    block.replace(0, name.size(), name);
    block.replace(124, size.size(), size);
    block.replace(148, 8, "        ");
    block[156] = type;
    block.replace(157, link.size(), link);
    block.replace(257, 8, std::string("ustar\00000", 8));
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    char text[8];
    (void)std::snprintf(text, sizeof text, "%06o", sum);
    block.replace(148, 7, std::string(text, 7));
    return block;
}

std::map<std::string, TarMember> index_text(const std::string& text) {
    const base::UniqueFd fd = make_memory_file();
    base::write_all(fd.get(), text);
    return image::index_tar(fd.get());
}

}  // namespace

TEST_CASE("what the tar writer writes, the index finds") {
    const base::UniqueFd fd = make_memory_file();
    const base::UniqueFd content = make_memory_file();
    const std::string large(100'000, 'x');
    base::write_all(content.get(), large);
    TarWriter writer(fd.get());
    writer.add_dir("blobs");
    writer.add_file("blobs/one", "text");
    writer.add_file("empty", "");
    writer.add_file("two", content.get(), large.size());
    CHECK_THROWS_AS(writer.add_file("short", content.get(), large.size() + 1),
                    base::IntegrityError);
    const base::UniqueFd whole = make_memory_file();
    TarWriter again(whole.get());
    again.add_dir("blobs");
    again.add_file("blobs/one", "text");
    again.add_file("empty", "");
    again.add_file("two", content.get(), large.size());
    again.finish();
    const auto members = image::index_tar(whole.get());
    REQUIRE(members.size() == 3);
    CHECK(member_text(whole.get(), members.at("blobs/one")) == "text");
    CHECK(members.at("empty").size_bytes == 0);
    CHECK(member_text(whole.get(), members.at("two")) == large);
}

TEST_CASE("links and odd spellings of names lead to their members") {
    const auto members =
        index_text(make_header("./a//b", '0', "") + make_header("x/link", '2', "../a/b") +
                   make_header("hard", '1', "./a/b") + std::string(1024, '\0'));
    CHECK(members.count("a/b") == 1);
    CHECK(members.at("x/link").link_target == "a/b");
    CHECK(members.at("hard").link_target == "a/b");
}

TEST_CASE("names by pax and GNU headers are honoured") {
    const std::string record = "18 path=long/name\n";
    std::string pax = make_header("pax", 'x', "", "00000000022") + record;
    pax.resize(1024, '\0');
    std::string gnu = make_header("././@LongLink", 'L', "", "00000000011") + "gnu/name";
    gnu.resize(1024, '\0');
    const auto members = index_text(pax + make_header("short", '0', "") + gnu +
                                    make_header("other", '0', "") + std::string(1024, '\0'));
    CHECK(members.count("long/name") == 1);
    CHECK(members.count("gnu/name") == 1);
    CHECK(members.size() == 2);
}

TEST_CASE("what is no tar, is cut off or lies about sizes is refused") {
    CHECK_THROWS_AS(index_text(""), base::IntegrityError);
    CHECK_THROWS_AS(index_text(std::string(2000, 'a')), base::IntegrityError);
    CHECK_THROWS_AS(index_text(make_header("a", '0', "", "00000001000")), base::IntegrityError);
    CHECK_THROWS_AS(index_text(make_header("a", '0', "", "77777777777")), base::IntegrityError);
    CHECK_THROWS_AS(index_text(make_header("a", '0', "", std::string(12, '\xff'))),
                    base::IntegrityError);
    std::string bad = make_header("a", '0', "");
    bad[0] = 'b';
    CHECK_THROWS_AS(index_text(make_header("a", '0', "") + bad), base::IntegrityError);
    for (const char* record : {"99 path=x\n", "0 path=x\n", "x", "9 nothing\n"}) {
        std::string pax = make_header("pax", 'x', "", "00000000012") + record;
        pax.resize(1024, '\0');
        CHECK_THROWS_AS(index_text(pax + make_header("a", '0', "")), base::IntegrityError);
    }
}
