// Published ports: docker's words for them, and the sockets on the host. A port that is taken or
// forbidden is an error here, before anything starts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/net/address.hpp"

namespace sandbox::net {

enum class Transport { tcp, udp };
[[nodiscard]] std::string_view transport_name(Transport transport) noexcept;  // "tcp", "udp"

struct PublishedPort {
    Transport transport = Transport::tcp;
    IpAddress host_address;  // 127.0.0.1 unless one was given
    // Which ports of the host will do; 0-0: any free one.
    std::uint16_t host_first = 0;
    std::uint16_t host_last = 0;
    std::uint16_t container_port = 0;
    auto operator<=>(const PublishedPort&) const = default;
};
// "80", "8080:80", "8000-8010:80-90", "8000-8010:80" (any of the range), "127.0.0.1:8080:80",
// "[::1]::80", each with /tcp or /udp behind; ranges give one entry per port. Throws UsageError.
[[nodiscard]] std::vector<PublishedPort> parse_published_port(std::string_view text);
// An image's "80/tcp", "9000-9002/udp" with -P: any free ports of the host. Throws UsageError.
[[nodiscard]] std::vector<PublishedPort> parse_exposed_port(std::string_view text);

struct HostPort {
    PublishedPort wish;
    Endpoint host;          // what it became
    base::UniqueFd socket;  // TCP: listening; non-blocking
};
// All of them or none. Throws Error naming the port, with the cure (exit code 125).
[[nodiscard]] std::vector<HostPort> open_host_ports(const std::vector<PublishedPort>& wishes);

}  // namespace sandbox::net
