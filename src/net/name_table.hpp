// The names that a network knows by itself: containers, services, aliases, host.internal. What it
// does not know is for the host's resolvers. Names are compared without regard to case, and a last
// dot does not count. Several owners may have one name (a service with several containers): all
// their addresses are answered, each time beginning with another one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dns_message.hpp"

namespace sandbox::net {

class NameTable {
  public:
    struct Owner {
        std::vector<std::string> names;  // the first is what its addresses are called (PTR)
        std::vector<IpAddress> addresses;
    };
    // Replaces what `id` had before.
    void set_owner(const std::string& id, Owner owner);
    void remove_owner(const std::string& id);

    // Names have no IPv6 addresses then, though their owners do.
    void set_v4_only(bool only) noexcept { v4_only_ = only; }

    // What to answer. Absent: not ours, to be forwarded.
    struct Found {
        DnsCode code = DnsCode::no_error;
        std::vector<DnsAnswer> answers;  // none with no_error: the name exists, not with that type
    };
    [[nodiscard]] std::optional<Found> look_up(const DnsQuery& query);
    [[nodiscard]] bool knows(std::string_view name) const;

    // Longer lifetimes would outlive a container that comes back with another address.
    static constexpr std::uint32_t kTtlSeconds = 5;

  private:
    [[nodiscard]] std::optional<Found> look_up_address(const IpAddress& address) const;

    std::map<std::string, Owner> owners_;
    std::multimap<std::string, std::string> owners_of_name_;  // name → id
    std::map<IpAddress, std::string> names_of_address_;
    std::uint32_t turn_ = 0;
    bool v4_only_ = false;
};

}  // namespace sandbox::net
