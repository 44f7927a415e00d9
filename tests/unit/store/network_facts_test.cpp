#include "sandbox/store/network_facts.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::store;

TEST_CASE("network facts come back as they were kept, and nonsense as nothing") {
    NetworkFacts facts;
    facts.ports = {{"80/tcp", "127.0.0.1", 8080}, {"53/udp", "::1", 53}};
    facts.networks = {{"private",
                       "",
                       "10.89.0.2",
                       "10.89.0.1",
                       "fd00::2",
                       "fd00::1",
                       "02:00:00:00:00:01",
                       24,
                       64,
                       {"web"}}};
    CHECK(network_facts_from_json(network_facts_to_json(facts)) == facts);
    CHECK(network_facts_from_json(base::json::Value(nullptr)) == NetworkFacts{});
    CHECK(network_facts_from_json(base::json::parse(R"({"ports": 5, "networks": [5]})"))
              .networks.size() == 1);
}

TEST_CASE("ports are written as docker does, consecutive ones together") {
    CHECK(ports_text({}, {"443/tcp"}) == "443/tcp");
    CHECK(ports_text({{"81/tcp", "127.0.0.1", 8081},
                      {"53/udp", "::1", 5353},
                      {"80/tcp", "127.0.0.1", 8080},
                      {"82/tcp", "127.0.0.1", 9000}},
                     {"80/tcp", "443/tcp"}) ==
          "127.0.0.1:8080-8081->80-81/tcp, 127.0.0.1:9000->82/tcp, [::1]:5353->53/udp, 443/tcp");
}
