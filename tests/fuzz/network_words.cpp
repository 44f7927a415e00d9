// Words about networks: published ports as people and profiles write them, the host's resolv.conf,
// what the supervisor tells its helper. Nothing but UsageError is thrown, and what is read in is
// written out the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/helper.hpp"
#include "net/name_servers.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/net/project_network.hpp"
#include "sandbox/net/published_port.hpp"

namespace {

using namespace sandbox::net;

void check_ports(std::string_view text) {
    try {
        for (const PublishedPort& port : parse_published_port(text)) {
            if (port.container_port == 0 || port.host_last < port.host_first) std::abort();
        }
    } catch (const sandbox::base::UsageError&) {
        // told, which is right
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
    check_ports(text);
    if (parse_name_servers(text).size() > 3) std::abort();
    const std::string resolv = make_resolv_conf(*try_parse_address("10.89.0.1"), text);
    if (parse_name_servers(resolv).front().address.str() != "10.89.0.1") std::abort();
    const std::string once = encode_world(decode_world(text));
    if (encode_world(decode_world(once)) != once) std::abort();
    if (const auto subnet = try_parse_subnet(text)) {
        if (try_parse_subnet(subnet->str()) != subnet) std::abort();
    }
    return 0;
}
