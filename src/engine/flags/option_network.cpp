// Names and addresses: --network, --add-host, --dns, --hostname, --name, labels.
#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "engine/flags/flag_error.hpp"
#include "engine/flags/option_flags.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    for (const std::string& label : base::split(text, '.')) {
        if (label.empty() || label.size() > 63 || !is_alnum(label.front())) return false;
        const bool ok = std::all_of(label.begin(), label.end(),
                                    [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
        if (!ok) return false;
    }
    return true;
}

constexpr std::string_view kNetwork = "--network";

}  // namespace

bool is_ip_address(const std::string& text) noexcept {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return true;
    return inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

NetworkWish parse_network(std::string_view text) {
    NetworkWish wish;
    wish.name = text;
    if (text == "host") {
        wish.mode = NetworkMode::host;
    } else if (text == "none") {
        wish.mode = NetworkMode::none;
    } else if (text == "private" || text == "bridge" || text == "default" || text.empty()) {
        wish.name = "private";
    } else if (text == "overlay" || text == "macvlan" || text == "ipvlan") {
        throw_bad_flag(kNetwork, text, "needs root and the host's own network devices",
                       "use private, host, none or a network of `sandbox network create`");
    } else if (text.starts_with("container:")) {
        wish.mode = NetworkMode::joined;
        if (text.size() == std::string_view("container:").size()) {
            throw_bad_flag(kNetwork, text, "it names no container", "container:NAME");
        }
    } else if (text.starts_with("ns:")) {
        throw_bad_flag(kNetwork, text, "a network namespace of the host's cannot be joined",
                       "use container:NAME");
    } else {
        wish.named = true;
    }
    return wish;
}

std::pair<std::string, std::string> parse_add_host(std::string_view text, NetworkMode mode) {
    constexpr std::string_view kFlag = "--add-host";
    size_t separator = text.find('=');
    if (separator == std::string_view::npos) separator = text.find(':');
    if (separator == std::string_view::npos) {
        throw_bad_flag(kFlag, text, "no address in it", "NAME:ADDRESS, for instance db:192.0.2.7");
    }
    std::string name(text.substr(0, separator));
    std::string address(text.substr(separator + 1));
    if (!is_host_name(name)) throw_bad_flag(kFlag, text, base::quote(name) + " is no host name");
    if (address == kHostGateway) {
        if (mode == NetworkMode::none) {
            throw_bad_flag(kFlag, text, "there is no way to the host with --network none",
                           "use --network private or an address");
        }
        return {std::move(name), mode == NetworkMode::host ? "127.0.0.1" : address};
    }
    if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
        address = address.substr(1, address.size() - 2);
    }
    if (!is_ip_address(address)) {
        throw_bad_flag(kFlag, text, base::quote(address) + " is no IP address");
    }
    return {std::move(name), std::move(address)};
}

std::string check_ip_address(std::string_view text, std::string_view flag) {
    std::string address(text);
    if (!is_ip_address(address)) throw_bad_flag(flag, text, "not an IP address");
    return address;
}

std::string check_hostname(std::string_view text) {
    if (!is_host_name(text) || text.size() > 64) {  // sethostname(2): HOST_NAME_MAX
        throw_bad_flag("--hostname", text, "not a host name",
                       "letters, digits, \"-\" and \".\", at most 64");
    }
    return std::string(text);
}

std::string check_container_name(std::string_view text) {
    constexpr size_t kMaxNameBytes = 255;  // NAME_MAX: it is the name of a link in the store
    std::string_view name = text;
    if (name.starts_with("/")) name.remove_prefix(1);  // docker's own spelling of names
    const bool ok = !name.empty() && name.size() <= kMaxNameBytes && is_alnum(name.front()) &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                        return is_alnum(c) || c == '_' || c == '.' || c == '-';
                    });
    if (!ok) {
        throw_bad_flag(
            "--name", text, "not a container name",
            "a letter or digit, then letters, digits, \"_\", \".\" or \"-\", at most 255");
    }
    return std::string(name);
}

std::vector<std::string> parse_expose(std::string_view text) {
    constexpr std::uint64_t kMostPort = 65535;
    const size_t slash = text.find('/');
    const std::string protocol =
        slash == text.npos ? "tcp" : base::to_lower(text.substr(slash + 1));
    const std::vector<std::string> ends = base::split(text.substr(0, slash), '-', 2);
    const auto first = base::try_parse_u64(ends.front());
    const auto last = base::try_parse_u64(ends.back());
    const bool known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
    if (!known || !first || !last || *first == 0 || *first > *last || *last > kMostPort) {
        throw_bad_flag("--expose", text, "not a port", "PORT[-PORT][/tcp|/udp]");
    }
    std::vector<std::string> ports;
    for (std::uint64_t port = *first; port <= *last; ++port) {
        ports.push_back(std::to_string(port) + "/" + protocol);
    }
    return ports;
}

void parse_label(std::string_view text, std::string_view flag,
                 std::map<std::string, std::string>& labels) {
    const size_t equals = text.find('=');
    const std::string key(base::trim(text.substr(0, equals)));
    if (key.empty()) throw_bad_flag(flag, text, "a label needs a key", "KEY=VALUE");
    labels[key] = equals == std::string_view::npos ? "" : std::string(text.substr(equals + 1));
}

}  // namespace sandbox::engine
