#include "engine/flags/device_flags.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"

using namespace sandbox;
using engine::DeviceWords;
using engine::MountSpec;
using engine::parse_device_flag;
using engine::split_device_flag;

TEST_CASE("--device has docker's grammar") {
    const auto is = [](const char* text, const char* host, const char* container,
                       const char* permissions) {
        const DeviceWords words = split_device_flag(text);
        CHECK(words.host == host);
        CHECK(words.container == container);
        CHECK(words.permissions == permissions);
    };
    is("/dev/a", "/dev/a", "/dev/a", "rwm");
    is("/dev/a:/dev/b", "/dev/a", "/dev/b", "rwm");
    is("/dev/a:/dev/b:r", "/dev/a", "/dev/b", "r");
    is("/dev/a:rw", "/dev/a", "/dev/a", "rw");
    is("/dev/a::mr", "/dev/a", "/dev/a", "mr");
    is("/dev//x/../a", "/dev/a", "/dev/a", "rwm");
    is("/dev/a:rwx", "/dev/a", "rwx", "rwm");  // a path then, and no absolute one
    for (const char* bad : {"", "a", ":/dev/b", "/dev/a:/dev/b:", "/dev/a:/dev/b:x", "a=b",
                            "/dev/a:/dev/b:rr", "/dev/a:/dev/b:rwmr", "/dev/a:/dev/b:r:r"}) {
        CHECK_THROWS_AS(split_device_flag(bad), base::UsageError);
    }
    CHECK_THROWS_AS(parse_device_flag("/dev/zero:rwx"), base::UsageError);
}

TEST_CASE("a device becomes a mount, one that every container has none, a directory many") {
    const auto one = parse_device_flag("/dev/zero:/dev/one:r");
    REQUIRE(one.size() == 1);
    CHECK(one[0].spec.kind == MountSpec::Kind::device);
    CHECK(one[0].spec.source == "/dev/zero");
    CHECK(one[0].spec.target == "/dev/one");
    CHECK(one[0].spec.device_permissions == "r");
    CHECK(one[0].spec.nosuid);
    CHECK_FALSE(one[0].spec.exec);
    CHECK(one[0].notices.size() == 1);
    CHECK(parse_device_flag("/dev/zero:/dev/one:rw")[0].notices.empty());
    CHECK(parse_device_flag("/dev/null").empty());
    CHECK_THROWS_AS(parse_device_flag("/dev/ptmx"), base::UsageError);
    CHECK(parse_device_flag("/dev/zero:/dev/one:m")[0].notices.size() == 1);
    CHECK_FALSE(one[0].spec.if_there);
    CHECK(parse_device_flag("/dev:/host")[0].spec.if_there);
    const auto all = parse_device_flag("/dev:/host");
    const auto has = [&](const char* source, const char* target) {
        return std::any_of(all.begin(), all.end(), [&](const engine::MountWish& wish) {
            return wish.spec.source == source && wish.spec.target == target;
        });
    };
    CHECK(has("/dev/zero", "/host/zero"));
    CHECK(has("/dev/null", "/host/null"));
    CHECK_FALSE(has("/dev/fd", "/host/fd"));
    CHECK_THROWS_AS(parse_device_flag("/proc/self/exe"), base::UsageError);
    CHECK_THROWS_AS(parse_device_flag("/proc/self/attr"), base::UsageError);
}

TEST_CASE("why a device stays closed is known from who may open it") {
    const engine::HostIdentity me{::geteuid(), {::getegid()}}, other{::geteuid() + 12345, {9999}};
    CHECK(engine::why_closed("/dev/zero", me).empty());
    CHECK(engine::why_closed("/dev/zero", other).empty());
    CHECK(engine::why_closed("/dev/no-such-device", me).empty());
    // Only its mode is looked at: a file will do.
    std::string path = "/tmp/device-flags-XXXXXX";
    const base::UniqueFd file(::mkstemp(path.data()));
    REQUIRE(file);
    const auto closed = [&](mode_t mode, const engine::HostIdentity& payload) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        return !engine::why_closed(path, payload).empty();
    };
    CHECK_FALSE(closed(0600, me));
    CHECK(closed(0600, other));
    CHECK_FALSE(closed(0666, other));
    CHECK(closed(0644, other));  // I may write
    const engine::HostIdentity in_group{::geteuid() + 12345, {9999, ::getegid()}};
    CHECK_FALSE(closed(0660, in_group));
    CHECK(closed(0606, in_group));
    CHECK_FALSE(closed(0606, other));
    ::unlink(path.c_str());
}
