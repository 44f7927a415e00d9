#include "sandbox/net/published_port.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "net/tcp_flow.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;
using base::UsageError;

struct Range {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    [[nodiscard]] unsigned size() const noexcept { return unsigned{last} - first + 1u; }
};

[[noreturn]] void throw_wrong(std::string_view text, const std::string& why) {
    throw UsageError("published port " + base::quote(text) + ": " + why,
                     "write [address:][host port:]container port[/tcp or /udp]",
                     base::exit_code::kEngine);
}

std::uint16_t parse_number(std::string_view whole, std::string_view text) {
    const auto number = base::try_parse_u64(text);
    if (!number || *number == 0 || *number > 65535) {
        throw_wrong(whole, base::quote(text) + " is no port between 1 and 65535");
    }
    return static_cast<std::uint16_t>(*number);
}

Range parse_range(std::string_view whole, std::string_view text) {
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) {
        const std::uint16_t port = parse_number(whole, text);
        return {port, port};
    }
    const Range range{parse_number(whole, text.substr(0, dash)),
                      parse_number(whole, text.substr(dash + 1))};
    if (range.last < range.first) throw_wrong(whole, "the range goes backwards");
    return range;
}

Transport parse_transport(std::string_view whole, std::string_view& text) {
    const size_t slash = text.find('/');
    if (slash == std::string_view::npos) return Transport::tcp;
    const std::string name = base::to_lower(text.substr(slash + 1));
    text = text.substr(0, slash);
    if (name == "tcp") return Transport::tcp;
    if (name == "udp") return Transport::udp;
    if (name == "sctp") throw_wrong(whole, "sctp cannot be published");
    throw_wrong(whole, "unknown protocol " + base::quote(name));
}

// Cuts "address:" off the front, when there is one.
std::optional<IpAddress> take_address(std::string_view whole, std::string_view& text) {
    std::string_view word;
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        if (end == std::string_view::npos || end + 1 >= text.size() || text[end + 1] != ':') {
            throw_wrong(whole, "no address in brackets");
        }
        word = text.substr(0, end + 1);
        text = text.substr(end + 2);
    } else {
        // The address is what stands before the last but one colon.
        const size_t last = text.rfind(':');
        if (last == std::string_view::npos || last == 0) return std::nullopt;
        const size_t before = text.rfind(':', last - 1);
        if (before == std::string_view::npos) return std::nullopt;
        word = text.substr(0, before);
        text = text.substr(before + 1);
        if (word.empty()) return std::nullopt;
    }
    const auto address = try_parse_address(word);
    if (!address) throw_wrong(whole, base::quote(word) + " is no address");
    return address;
}

IpAddress default_address() {
    IpAddress address;
    address.bytes = {127, 0, 0, 1};
    return address;
}

UniqueFd try_open(const PublishedPort& wish, std::uint16_t port, int& error) {
    const int type = wish.transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM;
    UniqueFd fd(::socket(wish.host_address.family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    bool ok = fd.valid();
    if (ok && wish.host_address.is_v6()) {
        ok = ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
    }
    // socket(7): takes over from connections in TIME_WAIT, never from a listener.
    if (ok && wish.transport == Transport::tcp) {
        ok = ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    }
    sockaddr_storage address{};
    const socklen_t size = to_sockaddr({wish.host_address, port}, address);
    if (ok) ok = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
    if (ok && wish.transport == Transport::tcp) set_congestion_control(fd.get(), wish.host_address);
    if (ok && wish.transport == Transport::tcp) ok = ::listen(fd.get(), 4096) == 0;
    error = ok ? 0 : errno;
    if (!ok) fd.reset();
    return fd;
}

[[noreturn]] void throw_refused(const PublishedPort& wish, std::uint16_t port, int error) {
    const std::string what = "publish port " + Endpoint{wish.host_address, port}.str() + "/" +
                             std::string(transport_name(wish.transport));
    std::string hint;
    if (error == EADDRINUSE) hint = "another program listens there: choose another port, or 0";
    if (error == EACCES) {
        hint = "ports below 1024 need: sysctl net.ipv4.ip_unprivileged_port_start=" +
               std::to_string(port) + " as root";
    }
    if (error == EADDRNOTAVAIL) hint = "this host has no such address";
    base::SysError refused(error, what, {}, hint);
    refused.set_code(base::exit_code::kEngine);
    throw base::SysError(refused);
}

}  // namespace

std::string_view transport_name(Transport transport) noexcept {
    return transport == Transport::tcp ? "tcp" : "udp";
}

std::vector<PublishedPort> parse_published_port(std::string_view text) {
    std::string_view rest = text;
    const Transport transport = parse_transport(text, rest);
    const auto address = take_address(text, rest);
    const size_t colon = rest.rfind(':');
    const bool has_host = colon != std::string_view::npos && colon != 0;
    const Range container =
        parse_range(text, colon == std::string_view::npos ? rest : rest.substr(colon + 1));
    std::vector<PublishedPort> ports;
    PublishedPort port{transport, address.value_or(default_address()), 0, 0, 0};
    if (!has_host || rest.substr(0, colon) == "0") {
        for (unsigned i = 0; i < container.size(); ++i) {
            port.container_port = static_cast<std::uint16_t>(container.first + i);
            ports.push_back(port);
        }
        return ports;
    }
    const Range host = parse_range(text, rest.substr(0, colon));
    if (container.size() == 1) {
        port.host_first = host.first;
        port.host_last = host.last;
        port.container_port = container.first;
        return {port};
    }
    if (host.size() != container.size()) throw_wrong(text, "the ranges differ in length");
    for (unsigned i = 0; i < container.size(); ++i) {
        port.host_first = port.host_last = static_cast<std::uint16_t>(host.first + i);
        port.container_port = static_cast<std::uint16_t>(container.first + i);
        ports.push_back(port);
    }
    return ports;
}

std::vector<PublishedPort> parse_exposed_port(std::string_view text) {
    if (text.find(':') != std::string_view::npos) throw_wrong(text, "only container ports here");
    return parse_published_port(text);
}

std::vector<HostPort> open_host_ports(const std::vector<PublishedPort>& wishes) {
    std::vector<HostPort> opened;
    for (const PublishedPort& wish : wishes) {
        int error = 0;
        UniqueFd socket;
        for (unsigned port = wish.host_first; port <= wish.host_last && !socket; ++port) {
            socket = try_open(wish, static_cast<std::uint16_t>(port), error);
            if (!socket && error != EADDRINUSE) break;
        }
        if (!socket) throw_refused(wish, wish.host_first, error);
        sockaddr_storage own{};
        socklen_t size = sizeof own;
        (void)::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size);
        opened.push_back({wish, from_sockaddr(own), std::move(socket)});
    }
    return opened;
}

}  // namespace sandbox::net
