// Packets between ports of a bridge that arrive later: a process of its own, without rights, that
// sees what comes in at one port and sends it out at the other in its time. Not for: keeping the
// bridge from forwarding them at once (faults.cpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/net/address.hpp"

namespace sandbox::net {

class DelayLine {
  public:
    struct Way {
        int from_index;  // links of the namespace
        int to_index;
        MacAddress to_mac;  // only what is for it
        std::chrono::microseconds delay;
        std::uint32_t drop_ppm;
        int netns_fd;  // borrowed; the same for all ways
        bool operator==(const Way&) const = default;
    };
    DelayLine() = default;
    // An empty list needs no process. Throws Error.
    [[nodiscard]] static DelayLine start(const std::vector<Way>& ways);
    // It is for these, and has not ended.
    [[nodiscard]] bool serves(const std::vector<Way>& ways);

  private:
    std::vector<Way> ways_;
    kernel::ChildProcess process_;  // ends with this object, and what it holds is lost
};

}  // namespace sandbox::net
