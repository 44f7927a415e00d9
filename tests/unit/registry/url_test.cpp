#include <catch2/catch.hpp>

#include "registry/address.hpp"
#include "registry/url.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox::registry;
using sandbox::base::Error;

TEST_CASE("a url is taken apart and put together again") {
    const Url url = Url::parse("HTTPS://Reg.Example.com:5000/v2/a?b=c#frag");
    CHECK(url.scheme == Scheme::https);
    CHECK(url.host == "reg.example.com");
    CHECK(url.port == 5000);
    CHECK(url.target == "/v2/a?b=c");
    CHECK(url.str() == "https://reg.example.com:5000/v2/a?b=c");
    CHECK(Url::parse("http://a").str() == "http://a/");
    CHECK(Url::parse("http://a:80?x").str() == "http://a/?x");
    CHECK(Url::parse("http://[::1]:5000/x").str() == "http://[::1]:5000/x");
}

TEST_CASE("a url that could mean something else is refused") {
    for (const char* text : {"file:///etc/passwd",
                             "gopher://x/",
                             "ftp://x/",
                             "https:/x",
                             "https:x",
                             "x",
                             "",
                             "https://",
                             "https:///x",
                             "https://user:pw@host/",
                             "https://user@host/",
                             "https://h:0/",
                             "https://h:65536/",
                             "https://h:x/",
                             "https://h:/",
                             "https://[::1/",
                             "https://[::1]x/",
                             "https://[fe80::1%25eth0]/",
                             "https://127.1/",
                             "https://0x7f.0.0.1/",
                             "https://2130706433/",
                             "https://0177.0.0.1/",
                             "https://1.2.3.4.5/",
                             "https://a b/",
                             "https://a\r\nb/",
                             "https://h/\r\nX: y",
                             "https://h/\x7f",
                             "https://-h/",
                             "https://.h/",
                             "https://h\\x/",
                             "https://h%2fx/"}) {
        INFO(text);
        CHECK_THROWS_AS(Url::parse(text), Error);
    }
}

TEST_CASE("errors about urls do not show secrets") {
    try {
        (void)Url::parse("https://user:hunter2@host/?sig=s3cret");
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.message().find("hunter2") == std::string::npos);
        CHECK(error.message().find("s3cret") == std::string::npos);
    }
}

TEST_CASE("what a path must not hold is percent-encoded") {
    CHECK(Url::parse("https://h/a b\"|\xc3\xa4").target == "/a%20b%22%7C%C3%A4");
    CHECK(Url::parse("https://h/a%20b").target == "/a%20b");
}

TEST_CASE("a location is resolved against the url that sent it") {
    const Url base = Url::parse("https://h:5000/v2/a/blobs/x?y");
    CHECK(resolve_location(base, "https://cdn/z").str() == "https://cdn/z");
    CHECK(resolve_location(base, "//cdn/z").str() == "https://cdn/z");
    CHECK(resolve_location(base, "/z?q").str() == "https://h:5000/z?q");
    CHECK(resolve_location(base, "z").str() == "https://h:5000/v2/a/blobs/z");
    CHECK(resolve_location(base, "?q").str() == "https://h:5000/v2/a/blobs/x?q");
    CHECK_THROWS_AS(resolve_location(base, "file:///etc/passwd"), Error);
    CHECK_THROWS_AS(resolve_location(base, "javascript:x"), Error);
}

TEST_CASE("origins differ by scheme, host or port") {
    const Url url = Url::parse("https://h/");
    CHECK(same_origin(url, Url::parse("https://H:443/x")));
    CHECK_FALSE(same_origin(url, Url::parse("http://h:443/")));
    CHECK_FALSE(same_origin(url, Url::parse("https://h:444/")));
    CHECK_FALSE(same_origin(url, Url::parse("https://h.x/")));
}

TEST_CASE("addresses are sorted by whom they belong to") {
    const auto of = [](const char* text) { return classify(*try_parse_address(text)); };
    CHECK(of("93.184.216.34") == AddressClass::global);
    CHECK(of("127.0.0.1") == AddressClass::loopback);
    CHECK(of("127.255.0.9") == AddressClass::loopback);
    CHECK(of("::1") == AddressClass::loopback);
    CHECK(of("::ffff:127.0.0.1") == AddressClass::loopback);
    CHECK(of("64:ff9b::7f00:1") == AddressClass::loopback);
    CHECK(of("2002:7f00:0001::1") == AddressClass::loopback);
    CHECK(of("169.254.169.254") == AddressClass::reserved);
    CHECK(of("0.0.0.0") == AddressClass::reserved);
    CHECK(of("::") == AddressClass::reserved);
    CHECK(of("fe80::1") == AddressClass::reserved);
    CHECK(of("224.0.0.1") == AddressClass::reserved);
    CHECK(of("255.255.255.255") == AddressClass::reserved);
    CHECK(of("10.1.2.3") == AddressClass::private_net);
    CHECK(of("172.31.0.1") == AddressClass::private_net);
    CHECK(of("172.32.0.1") == AddressClass::global);
    CHECK(of("192.168.0.1") == AddressClass::private_net);
    CHECK(of("100.64.0.1") == AddressClass::private_net);
    CHECK(of("fd00:ec2::254") == AddressClass::private_net);
    CHECK(of("2606:4700::1111") == AddressClass::global);
    CHECK_FALSE(try_parse_address("127.1"));
    CHECK_FALSE(try_parse_address("1.2.3.4 "));
    CHECK(is_loopback_host("localhost"));
    CHECK(is_loopback_host("x.localhost"));
    CHECK_FALSE(is_loopback_host("localhost.example.com"));
}

TEST_CASE("nobody is sent to a more private place than he is in") {
    using enum AddressClass;
    CHECK(may_send_to(global, global));
    CHECK_FALSE(may_send_to(global, private_net));
    CHECK_FALSE(may_send_to(global, loopback));
    CHECK_FALSE(may_send_to(global, reserved));
    CHECK(may_send_to(private_net, private_net));
    CHECK_FALSE(may_send_to(private_net, loopback));
    CHECK(may_send_to(loopback, loopback));
    CHECK(may_send_to(loopback, private_net));
    CHECK_FALSE(may_send_to(loopback, reserved));
}
