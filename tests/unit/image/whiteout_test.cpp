#include "image/whiteout.hpp"

#include <catch2/catch.hpp>

#include "image/entry_path.hpp"
#include "image/xattr_policy.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox;
using image::WhiteoutKind;

TEST_CASE("a name without the prefix is an ordinary entry") {
    for (const char* path : {"a", "a/b", ".wh", "a/.whx", "a.wh.b", ".w/h"})
        CHECK(image::parse_whiteout(path).kind == WhiteoutKind::none);
}

TEST_CASE("a mark names what is hidden beside it") {
    const image::Whiteout mark = image::parse_whiteout("usr/lib/.wh.x");
    CHECK(mark.kind == WhiteoutKind::hide);
    CHECK(mark.path == "usr/lib/x");
    CHECK(image::parse_whiteout(".wh.x").path == "x");
    CHECK(image::parse_whiteout(".wh....").path == "...");
}

TEST_CASE("the opaque mark names its directory") {
    const image::Whiteout mark = image::parse_whiteout("etc/.wh..wh..opq");
    CHECK(mark.kind == WhiteoutKind::opaque);
    CHECK(mark.path == "etc");
    CHECK(image::parse_whiteout(".wh..wh..opq").path.empty());
}

TEST_CASE("aufs's own names mean nothing") {
    for (const char* path : {".wh..wh.aufs", "a/.wh..wh.plnk", ".wh..wh.plnk/1.2"})
        CHECK(image::parse_whiteout(path).kind == WhiteoutKind::metadata);
}

TEST_CASE("marks that could hide a directory itself or its parent are refused") {
    for (const char* path : {".wh.", ".wh..", ".wh...", "a/.wh.", ".wh.a/b", ".wh.../x"})
        CHECK_THROWS_AS(image::parse_whiteout(path), base::IntegrityError);
}

TEST_CASE("paths are cleaned and never climb above the root") {
    CHECK(image::clean_entry_path("./a//b/./c/") == "a/b/c");
    CHECK(image::clean_entry_path("/etc/passwd") == "etc/passwd");
    CHECK(image::clean_entry_path("a/../b") == "b");
    CHECK(image::clean_entry_path("./").empty());
    CHECK(image::clean_entry_path("a/b/../../..b") == "..b");
    for (const char* path : {"..", "../x", "a/../../x", "/..", "./../x"})
        CHECK_THROWS_AS(image::clean_entry_path(path), base::IntegrityError);
}

TEST_CASE("a link climbs only when its dots outnumber its place") {
    CHECK_FALSE(image::climbs_above_root("a/b", "../x"));
    CHECK(image::climbs_above_root("a/b", "../../x"));
    CHECK(image::climbs_above_root("l", ".."));
    CHECK_FALSE(image::climbs_above_root("l", "/etc/shadow"));
}

TEST_CASE("attributes that steer overlayfs or belong to the host are told apart") {
    using image::XattrRule;
    CHECK(image::xattr_rule("user.mime") == XattrRule::keep);
    CHECK(image::xattr_rule("user.overlay.opaque") == XattrRule::overlay);
    CHECK(image::xattr_rule("trusted.overlay.redirect") == XattrRule::overlay);
    CHECK(image::xattr_rule("security.capability") == XattrRule::file_capability);
    CHECK(image::xattr_rule("security.selinux") == XattrRule::host);
    CHECK(image::xattr_rule("trusted.md5") == XattrRule::host);
    CHECK(image::xattr_rule("user.") == XattrRule::host);
}

TEST_CASE("a program with the capability of ping alone can be executed without it") {
    const std::string ping("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    const std::string calm("\0\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    const std::string more("\1\0\0\2\0\x30\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    CHECK(image::portable_capability(ping) == calm);
    CHECK(image::portable_capability(calm) == calm);
    CHECK(image::portable_capability(more) == more);
}

TEST_CASE("a file capability becomes version 2 and malformed ones are nothing") {
    const std::string v3("\1\0\0\3\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x92\x10\0\0", 24);
    const std::string v2("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    CHECK(image::portable_capability(v3) == v2);
    CHECK(image::portable_capability(v2) == v2);
    CHECK_FALSE(image::portable_capability("\1"));
    CHECK_FALSE(image::portable_capability(v2.substr(0, 12)));
}
