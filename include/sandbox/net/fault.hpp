// Faults between two containers of a named network, for those who want to see what their programs
// do then: loss, delay, no connection at all. They live in the network's holder (holder.hpp), and
// end with it. Who leaves the network and comes back by the same name has them again.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/net/address.hpp"
#include "sandbox/net/holder.hpp"

namespace sandbox::net {

struct NetworkFault {
    IpAddress a, b;                     // IPv4, as the network gave them; IPv6 is meant, too
    std::string a_name, b_name;         // filled by the holder: the containers' names
    std::chrono::microseconds delay{};  // of each packet, in both directions
    std::uint32_t drop_ppm = 0;         // packets lost of a million, in both directions
    bool partition = false;             // all packets are lost
    [[nodiscard]] bool is_none() const noexcept {
        return delay.count() == 0 && drop_ppm == 0 && !partition;
    }
};

// Replaces the pair's; one that is none clears it. Throws Error: with a cure where the kernel lacks
// what it needs, HolderGone when nobody is on the network.
void set_fault(const HolderPlace& place, const NetworkFault& fault);
// Empty when nobody is on the network.
[[nodiscard]] std::vector<NetworkFault> list_faults(const HolderPlace& place);

}  // namespace sandbox::net
