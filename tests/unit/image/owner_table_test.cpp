#include "sandbox/image/owner_table.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>

using namespace sandbox::image;

TEST_CASE("a table of owners is read as it was written; the last line of a file counts") {
    FileOwner device{0, 6};
    device.device = S_IFBLK;
    device.device_major = 8;
    device.device_minor = 300;
    const FileBirth link{12, -5, 999999999}, node{13, 0, 0};
    const std::string text = owner_table_line(link, {1, 2}) + owner_table_line(node, device) +
                             owner_table_line({12, 7, 1}, {3, 3}) +
                             owner_table_line({12, 7, 1}, {33, 44});
    const OwnerTable table = parse_owner_table(text);
    CHECK(table.at(link) == FileOwner{1, 2});
    CHECK(table.at(node) == device);
    CHECK(table.at({12, 7, 1}) == FileOwner{33, 44});
}

TEST_CASE("lines of a table that make no sense are left out") {
    const OwnerTable table = parse_owner_table(
        "1 2 3 4\n\nx 2 3 4 5\n1 2 3 4 5 c 1\n1 2 3 4 5 c x 1\n"
        "7 0 0 33 44");
    CHECK(table.size() == 1);
    CHECK(table.at({7, 0, 0}) == FileOwner{33, 44});
}
