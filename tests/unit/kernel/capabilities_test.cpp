#include "sandbox/kernel/capabilities.hpp"

#include <linux/capability.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

using namespace sandbox;
using namespace sandbox::kernel;

namespace {
constexpr CapabilitySet bit(int n) {
    return CapabilitySet{1} << n;
}
}  // namespace

TEST_CASE("capability names are read in any case, with and without prefix") {
    CHECK(try_parse_capability("NET_ADMIN") == CAP_NET_ADMIN);
    CHECK(try_parse_capability("cap_net_admin") == CAP_NET_ADMIN);
    CHECK(try_parse_capability("Cap_Chown") == CAP_CHOWN);
    CHECK(try_parse_capability("CHECKPOINT_RESTORE") == CAP_CHECKPOINT_RESTORE);
    for (const char* wrong : {"", "CAP_", "NET ADMIN", "CAP_CAP_CHOWN", "ALL", "NET_ADMINS"}) {
        CHECK_FALSE(try_parse_capability(wrong).has_value());
    }
    for (int n = 0; n <= CAP_LAST_CAP; ++n) CHECK(try_parse_capability(capability_name(n)) == n);
}

TEST_CASE("the default set is the eleven of the defaults' table") {
    CHECK(default_capabilities() == (bit(0) | bit(1) | bit(3) | bit(4) | bit(5) | bit(6) | bit(7) |
                                     bit(8) | bit(10) | bit(18) | bit(31)));
}

TEST_CASE("capabilities are added and dropped as docker does it") {
    const CapabilitySet base = default_capabilities();
    CHECK(resolve_capabilities(base, {"NET_RAW"}, {"chown"}) ==
          ((base | bit(CAP_NET_RAW)) & ~bit(CAP_CHOWN)));
    CHECK(resolve_capabilities(base, {"NET_RAW"}, {"ALL"}) == bit(CAP_NET_RAW));
    CHECK(resolve_capabilities(base, {"all"}, {"NET_RAW"}) ==
          (all_capabilities() & ~bit(CAP_NET_RAW)));
    CHECK(resolve_capabilities(base, {"ALL"}, {}) == all_capabilities());
    CHECK(resolve_capabilities(base, {}, {"ALL"}) == 0);
    CHECK(resolve_capabilities(base, {"ALL"}, {"ALL"}) == 0);
    CHECK(resolve_capabilities(base, {"CHOWN"}, {"CHOWN"}) == base);
}

TEST_CASE("an unknown capability is refused with the nearest name") {
    try {
        (void)resolve_capabilities(0, {"NET_ADMN"}, {});
        FAIL("accepted");
    } catch (const base::UsageError& error) {
        CHECK(error.code() == 125);
        CHECK(error.message() == "unknown capability \"NET_ADMN\"");
        CHECK(error.hint() == "did you mean \"NET_ADMIN\"?");
    }
}
