#include "sandbox/base/licenses.hpp"

#include <catch2/catch.hpp>

TEST_CASE("the licence texts name every foreign library and fit in 256 KiB") {
    const std::string_view text = sandbox::base::licenses_text();
    for (const char* name :
         {"\ncurl 7.", "\nlibisal 2.", "\nopenssl ", "\nc-ares ", "\nlibseccomp ", "\nlibzstd ",
          "\nxz-utils ", "\nzlib ", "\ncli11 ", "\nnlohmann-json3 ", "\ntomlplusplus ", "\nglibc ",
          "\ngcc-12 ", "Apache License", "LESSER GENERAL PUBLIC"}) {
        INFO(name);
        CHECK(text.find(name) != std::string_view::npos);
    }
    CHECK(text.size() < 256 * 1024);
}
