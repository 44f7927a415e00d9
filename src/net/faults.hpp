// The holder's side of fault.hpp.
#pragma once

#include <optional>
#include <vector>

#include "net/delay_line.hpp"
#include "net/network_state.hpp"
#include "net/nftables.hpp"
#include "sandbox/net/fault.hpp"

namespace sandbox::net {

// What becomes of the packets that go from one port of the bridge to another. Pure.
void add_fault_rules(NftChain& chain, const NetworkFault& fault, const std::string& from_link,
                     const std::string& to_link);

class Faults {
  public:
    // Borrowed; must be finished.
    explicit Faults(const ProjectNetwork& network) : network_(network.impl()) {}
    // Throws Error; nothing has changed then.
    void set(const NetworkFault& fault);
    // After links came or went. Never throws: what cannot be had any more is warned of.
    void refresh() noexcept;
    [[nodiscard]] const std::vector<NetworkFault>& all() const noexcept { return faults_; }

  private:
    void apply(const std::vector<NetworkFault>& faults);

    const ProjectNetwork::Impl& network_;
    std::vector<NetworkFault> faults_;
    std::optional<NetlinkSocket> netfilter_;
    DelayLine delays_;
};

}  // namespace sandbox::net
