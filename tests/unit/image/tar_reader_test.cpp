#include "image/tar_reader.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "image/tar_header.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox;
using image::EntryType;
using image::TarEntry;
using image::TarReader;

namespace {

std::string header(std::string name, char type, size_t size, std::string link = {}) {
    std::string block(512, '\0');
    const auto put = [&](size_t at, const std::string& text) {
        block.replace(at, text.size(), text);
    };
    const auto octal = [](size_t value, int digits) {
        char text[24];
        std::snprintf(text, sizeof text, "%0*zo", digits, value);
        return std::string(text);
    };
    put(0, name.substr(0, 100));
    put(100, "0000644");
    put(108, "0000001");
    put(116, "0000002");
    put(124, octal(size, 11));
    put(136, octal(1'600'000'000, 11));
    put(148, "        ");
    block[156] = type;
    put(157, link);
    put(257, std::string("ustar\0", 6) + "00");
    size_t sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    put(148, octal(sum, 6));
    block[154] = '\0';
    return block;
}

std::string padded(std::string data) {
    data.resize((data.size() + 511) / 512 * 512, '\0');
    return data;
}

// Hands the archive out in blocks of `piece` bytes.
TarReader::NextBlock source(const std::string& archive, size_t piece) {
    return [&archive, piece, at = size_t{0}]() mutable {
        const size_t size = std::min(piece, archive.size() - at);
        const auto span = std::as_bytes(std::span(archive.data() + at, size));
        at += size;
        return span;
    };
}

std::string data_of(TarReader& reader, size_t size) {
    std::string data(size, '\0');
    while (const auto block = reader.next_data())
        std::memcpy(data.data() + block->offset, block->bytes.data(), block->bytes.size());
    return data;
}

}  // namespace

TEST_CASE("entries come out the same however the stream is cut") {
    const std::string pax = "30 mtime=1600000000.123456789\n17 path=lang\xc3\xa4/f\n";
    const std::string archive = header("d/", '5', 0) + header("x", 'x', 47) +
                                padded(pax.substr(0, 47)) + header("f", '0', 700) +
                                padded(std::string(700, 'q')) + header("l", '2', 0, "f") +
                                header("h", '1', 99, "f") + std::string(1024, '\0') + "trailing";
    for (const size_t piece : {size_t{1}, size_t{100}, size_t{512}, size_t{777}, archive.size()}) {
        TarReader reader(source(archive, piece));
        TarEntry entry;
        REQUIRE(reader.next(entry));
        CHECK(entry.path == "d/");
        CHECK(entry.type == EntryType::directory);
        REQUIRE(reader.next(entry));
        CHECK(entry.path == "lang\xc3\xa4/f");
        CHECK(entry.mtime_nanoseconds == 123456789);
        CHECK(entry.size_bytes == 700);
        CHECK(entry.uid == 1);
        CHECK(data_of(reader, 700) == std::string(700, 'q'));
        REQUIRE(reader.next(entry));
        CHECK(entry.type == EntryType::symlink);
        CHECK(entry.link_target == "f");
        REQUIRE(reader.next(entry));
        CHECK(entry.type == EntryType::hard_link);
        CHECK(entry.size_bytes == 0);
        CHECK_FALSE(reader.next(entry));
        CHECK_FALSE(reader.next(entry));
        CHECK_NOTHROW(reader.drain());
    }
}

TEST_CASE("data that nobody reads is passed over") {
    const std::string archive =
        header("a", '0', 5000) + padded(std::string(5000, 'x')) + header("b", '0', 1) + padded("y");
    TarReader reader(source(archive, 999));
    TarEntry entry;
    REQUIRE(reader.next(entry));
    REQUIRE(reader.next(entry));
    CHECK(entry.path == "b");
    CHECK(data_of(reader, 1) == "y");
    CHECK_FALSE(reader.next(entry));
}

TEST_CASE("the padding and the end mark after the last entry may be missing, its data may not") {
    const std::string archive = header("a", '0', 700) + std::string(700, 'x');
    for (const size_t piece : {size_t{100}, archive.size()}) {
        TarReader reader(source(archive, piece));
        TarEntry entry;
        REQUIRE(reader.next(entry));
        CHECK(data_of(reader, 700) == std::string(700, 'x'));
        CHECK_FALSE(reader.next(entry));
        const std::string cut = archive.substr(0, archive.size() - 1);
        TarReader short_reader(source(cut, piece));
        REQUIRE(short_reader.next(entry));
        CHECK_THROWS_AS(short_reader.next(entry), base::IntegrityError);
    }
}

TEST_CASE("numbers are octal or base 256") {
    CHECK(image::parse_tar_number("0000644") == 0644);
    CHECK(image::parse_tar_number("  644 ") == 0644);
    CHECK(image::parse_tar_number(std::string_view("\0\0\0", 3)) == 0);
    CHECK(image::parse_tar_number(std::string_view("\x80\0\0\0\0\0\1\0", 8)) == 256);
    CHECK(image::parse_tar_number("\xff\xff\xff\xff\xff\xff\xff\xfe") == -2);
    CHECK(image::parse_tar_number(std::string_view("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
                                                   12)) == 0x7fffffffffffffff);
    CHECK_THROWS_AS(image::parse_tar_number("\xa0\1\1\1\1\1\1\1\1\1\1\1"), base::IntegrityError);
    CHECK_THROWS_AS(
        image::parse_tar_number(std::string_view("\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 12)),
        base::IntegrityError);
    CHECK_THROWS_AS(image::parse_tar_number("0009"), base::IntegrityError);
}

TEST_CASE("pax times are floored and clamped") {
    const auto time = [](const std::string& value) {
        image::PaxRecords records;
        std::string record = " mtime=" + value + "\n";
        const size_t length = record.size() + 2;
        image::parse_pax_records(std::to_string(length) + record, records);
        return *records.mtime;
    };
    CHECK(time("123456.5") == std::pair<std::int64_t, std::uint32_t>(123456, 500'000'000));
    CHECK(time("-5.25") == std::pair<std::int64_t, std::uint32_t>(-6, 750'000'000));
    CHECK(time("-5000") == std::pair<std::int64_t, std::uint32_t>(-5000, 0));
    CHECK(time("99999999999999999999").first > 1ll << 60);
    CHECK_THROWS_AS(time("12:30"), base::IntegrityError);
}

TEST_CASE("sparse maps must be in order, inside, and as long as the data") {
    CHECK_NOTHROW(image::check_sparse_map({{0, 5}, {10, 5}}, 15, 10));
    CHECK_THROWS_AS(image::check_sparse_map({{0, 5}, {4, 5}}, 15, 10), base::IntegrityError);
    CHECK_THROWS_AS(image::check_sparse_map({{10, 6}}, 15, 6), base::IntegrityError);
    CHECK_THROWS_AS(image::check_sparse_map({{0, 5}}, 15, 6), base::IntegrityError);
    CHECK_THROWS_AS(image::check_sparse_map({{~0ull - 1, 5}}, ~0ull, 5), base::IntegrityError);
}
