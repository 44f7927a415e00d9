#include "engine/network/own_words.hpp"

#include <catch2/catch.hpp>

namespace sandbox::engine {
namespace {

const OwnWords kBack{"web", {"10.89.1.2"}, "10.89.1.1"};
const OwnWords kBoth{"web", {"10.89.1.2", "10.89.2.5"}, "10.89.1.1"};
const OwnWords kFront{"web", {"10.89.2.5"}, "10.89.2.1"};
const OwnWords kNone{"web", {}, "10.89.1.1"};

TEST_CASE("resolv.conf names the next network's gateway, and nothing else changes") {
    const char* text = "search example\nnameserver 10.89.1.1\nnameserver 10.89.1.11\noptions x\n";
    CHECK(changed_resolv_conf(text, kBack, kFront) ==
          "search example\nnameserver 10.89.2.1\nnameserver 10.89.1.11\noptions x\n");
    CHECK(changed_resolv_conf(text, kBack, kBoth) == text);
    // What --dns or somebody inside has put there is not ours.
    CHECK(changed_resolv_conf("nameserver 192.0.2.1\n", kBack, kFront) == "nameserver 192.0.2.1\n");
    CHECK(changed_resolv_conf("", kBack, kFront).empty());
}

TEST_CASE("hosts has the addresses that the container has, by its own name") {
    const std::string start = "127.0.0.1\tlocalhost\n::1\tlocalhost\n";
    const std::string back = start + "10.89.1.2\tweb\n";
    CHECK(changed_hosts(back, kBack, kBoth) == start + "10.89.1.2\tweb\n10.89.2.5\tweb\n");
    CHECK(changed_hosts(changed_hosts(back, kBack, kBoth), kBoth, kFront) ==
          start + "10.89.2.5\tweb\n");
    // On no network its name is its loopback's, as in one that never had any; and back.
    const std::string none = changed_hosts(back, kBack, kNone);
    CHECK(none == start + "127.0.0.1\tweb\n");
    CHECK(changed_hosts(none, kNone, kBack) == back);
}

TEST_CASE("hosts keeps the lines of others; who is the gateway follows") {
    const std::string others = "10.89.1.2\tdb\n192.0.2.9\tweb\n# 10.89.1.2\tweb\n10.89.1.2 web\n";
    CHECK(changed_hosts("10.89.1.1\thost.local\n" + others + "10.89.1.2\tweb\n", kBack, kFront) ==
          "10.89.2.1\thost.local\n" + others + "10.89.2.5\tweb\n");
    CHECK(changed_hosts("10.89.1.1\thost.local\n", kBack, kNone) ==
          "10.89.1.1\thost.local\n127.0.0.1\tweb\n");
}

}  // namespace
}  // namespace sandbox::engine
