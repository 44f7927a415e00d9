#include "net/name_servers.hpp"

#include <optional>

#include "sandbox/base/strings.hpp"

namespace sandbox::net {
namespace {

std::optional<Endpoint> try_parse_server(std::string_view text) {
    std::uint64_t port = 53;
    const size_t bracket = text.rfind("]:");
    if (text.starts_with('[') && bracket != std::string_view::npos) {
        const auto number = base::try_parse_u64(text.substr(bracket + 2));
        if (!number || *number == 0 || *number > 65535) return std::nullopt;
        port = *number;
        text = text.substr(1, bracket - 1);
    }
    const auto address = try_parse_address(text);
    if (!address) return std::nullopt;
    return Endpoint{*address, static_cast<std::uint16_t>(port)};
}

}  // namespace

std::vector<Endpoint> parse_name_servers(std::string_view text) {
    constexpr size_t kMostServers = 3;  // MAXNS
    std::vector<Endpoint> servers;
    for (const std::string& line : base::split(text, '\n')) {
        std::string_view rest = base::trim(line);
        constexpr std::string_view kKey = "nameserver";
        if (!rest.starts_with(kKey) || rest.size() == kKey.size()) continue;
        rest.remove_prefix(kKey.size());
        if (rest.front() != ' ' && rest.front() != '\t') continue;
        rest = base::trim(rest);
        rest = rest.substr(0, rest.find_first_of(" \t%#;"));
        const auto server = try_parse_server(rest);
        if (server && servers.size() < kMostServers) servers.push_back(*server);
    }
    if (servers.empty()) servers.push_back({*try_parse_address("127.0.0.1"), 53});
    return servers;
}

}  // namespace sandbox::net
