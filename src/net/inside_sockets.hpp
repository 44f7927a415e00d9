// The sockets of the gateway's namespace that the helper works with. They are made once, by a child
// inside that has the rights; the helper, which has none, gets descriptors. They outlive a helper.
#pragma once

#include <cstdint>
#include <string>

#include "net/namespace_entry.hpp"
#include "net/packet.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::net {

// Links and numbers of every gateway namespace.
inline constexpr const char* kGatewayLink = "sandbox0";  // a bridge, or the one container's veth
inline constexpr int kGatewayIndex = 100;
inline constexpr int kLoopbackIndex = 1;  // LOOPBACK_IFINDEX in the kernel
inline constexpr std::uint16_t kProxyPort = 1;
inline constexpr std::uint16_t kDnsPort = 53;

// One family's share. Empty descriptors: the network has none of it.
struct FamilySockets {
    base::UniqueFd tcp;  // transparent listener for connections let through
    base::UniqueFd udp;  // transparent, tells original destinations
    base::UniqueFd
        capture;         // packet socket: held SYNs, echo requests, refusals on the gateway's link
    base::UniqueFd raw;  // packets with headers of our own
    base::UniqueFd dns_udp;
    base::UniqueFd dns_tcp;
    [[nodiscard]] bool exists() const noexcept { return tcp.valid(); }
};

struct InsideSockets {
    FamilySockets v4;
    FamilySockets v6;
    [[nodiscard]] const FamilySockets& of(const IpAddress& address) const noexcept {
        return address.is_v6() ? v6 : v4;
    }
};

// In the gateway's namespace. `gateway`: the address of its link in this family, which need not
// exist yet.
[[nodiscard]] Descriptors open_family_sockets(const IpAddress& gateway);
[[nodiscard]] FamilySockets take_family_sockets(Descriptors& from, size_t first);
inline constexpr size_t kFamilySockets = 6;

// A transparent stream socket, non-blocking, in the caller's namespace: needs CAP_NET_RAW there.
[[nodiscard]] base::UniqueFd open_transparent_stream(int family);

// To the container, with headers of our own. What cannot be sent is lost, as on a wire.
void send_raw(const InsideSockets& sockets, const Bytes& packet, const IpAddress& to) noexcept;
// Into the gateway by its own loopback, past the hold: see tcp_gate.cpp.
void inject(const InsideSockets& sockets, const Bytes& packet, bool v6) noexcept;

}  // namespace sandbox::net
