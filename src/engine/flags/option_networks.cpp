// Places on named networks: --network NAME and its long form, aliases, addresses.
#include <algorithm>

#include "engine/flags/flag_error.hpp"
#include "engine/flags/option_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/net/address.hpp"
#include "sandbox/store/network_store.hpp"

namespace sandbox::engine {
namespace {

constexpr std::string_view kNetwork = "--network";

void set_part(NetworkUse& use, std::string_view text, const std::string& part) {
    const size_t equals = part.find('=');
    const std::string key = base::to_lower(part.substr(0, equals));
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (key == "name") {
        use.name = value;
    } else if (key == "alias") {
        use.aliases.push_back(check_network_alias(value));
    } else if (key == "ip") {
        use.ip = check_ip_address(value, kNetwork);
    } else if (key == "ip6") {
        use.ip6 = check_ip_address(value, kNetwork);
    } else if (key == "mac-address") {
        use.mac = check_mac_address(value);
    } else {
        throw_bad_flag(kNetwork, text, base::quote(key) + " is no part of it",
                       "name, alias, ip, ip6, mac-address");
    }
}

}  // namespace

NetworkUse parse_network_use(std::string_view text) {
    NetworkUse use;
    if (text.find('=') == std::string_view::npos) {
        use.name = text;
    } else {
        for (const std::string& part : base::split(text, ',')) set_part(use, text, part);
    }
    if (use.name.empty()) throw_bad_flag(kNetwork, text, "it names no network");
    const NetworkWish wish = parse_network(use.name);
    if (wish.mode == NetworkMode::attached && !wish.named) {
        use.name = wish.name;
        if (!use.aliases.empty() || !use.ip.empty() || !use.ip6.empty() || !use.mac.empty()) {
            throw_usage("the private network has neither aliases nor addresses to choose",
                        "sandbox network create NAME, then --network name=NAME,…");
        }
        return use;
    }
    if (!wish.named) {
        throw_usage("--network " + use.name + " and other networks contradict each other",
                    "leave it out: a named network has a way outside, unless it is internal");
    }
    try {
        store::NetworkStore::check_name(use.name);
    } catch (const base::UsageError& error) {
        throw_usage(error.message(), error.hint());
    }
    return use;
}

HostAccess parse_host_access(const std::vector<std::string>& texts) {
    constexpr std::string_view kFlag = "--host-access";
    constexpr std::uint64_t kMostPort = 65535;
    HostAccess access;
    for (const std::string& text : texts) {
        if (text == "link-local") {
            access.link_local = true;
            continue;
        }
        const std::vector<std::string> ends = base::split(text, '-', 2);
        const auto first = base::try_parse_u64(ends.front());
        const auto last = base::try_parse_u64(ends.back());
        if (!first || !last || *first == 0 || *last > kMostPort || *first > *last) {
            throw_bad_flag(kFlag, text, "not a port of the host",
                           "PORT, FIRST-LAST, or link-local");
        }
        for (std::uint64_t port = *first; port <= *last; ++port) {
            access.ports.push_back(static_cast<std::uint16_t>(port));
        }
    }
    return access;
}

std::string check_network_alias(std::string_view text) {
    const bool ok =
        !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '-' || c == '_' || c == '.';
        });
    if (!ok) throw_bad_flag("--network-alias", text, "not a name");
    return std::string(text);
}

std::string check_mac_address(std::string_view text) {
    if (!net::try_parse_mac(text)) {
        throw_bad_flag("--mac-address", text, "not the address of one station",
                       "six bytes in hex, the first one even: 02:42:ac:11:00:02");
    }
    return std::string(text);
}

}  // namespace sandbox::engine
