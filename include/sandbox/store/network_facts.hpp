// How a running container is reached: its addresses and its ports on the host, as its state keeps
// them for listings. Nothing here is acted upon.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/base/json.hpp"

namespace sandbox::store {

struct PortMapping {
    std::string port;          // "80/tcp", inside
    std::string host_address;  // "127.0.0.1"
    std::uint16_t host_port = 0;
    bool operator==(const PortMapping&) const = default;
};

// One network, one link.
struct NetworkPlace {
    std::string name;  // "private"
    std::string id{};  // of a named network
    std::string ipv4{}, gateway{}, ipv6{}, gateway_v6{}, mac{};
    unsigned prefix = 0, prefix_v6 = 0;
    std::vector<std::string> aliases{};
    bool operator==(const NetworkPlace&) const = default;
};

struct NetworkFacts {
    std::vector<PortMapping> ports;      // in the order of "80/tcp", "443/tcp", "53/udp"
    std::vector<NetworkPlace> networks;  // the first is eth0
    bool operator==(const NetworkFacts&) const = default;
};

[[nodiscard]] base::json::Value network_facts_to_json(const NetworkFacts& facts);
// What is missing or of another type is left out.
[[nodiscard]] NetworkFacts network_facts_from_json(const base::json::Value& document);

// docker's way to write them: "127.0.0.1:8080-8081->80-81/tcp, [::1]:53->53/udp, 9000/tcp"
// (exposed, not published). Pure.
[[nodiscard]] std::string ports_text(const std::vector<PortMapping>& ports,
                                     const std::vector<std::string>& exposed);

}  // namespace sandbox::store
