// Named networks: networks/<name>.json says what one is to be. Whether it lives is its holder's
// business, whose socket and lock are beside it, under its id (net/holder.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/store/layout.hpp"

namespace sandbox::store {

struct NetworkRecord {
    std::string name;
    std::string id;  // 64 hex digits
    std::int64_t created = 0;
    bool internal = false;
    bool ipv6 = true;
    bool ipv6_names = false;  // names answer AAAA
    bool link_local = false;
    std::string subnet, gateway, ip_range;  // "10.89.1.0/24", "10.89.1.1", "" or a subnet of it
    std::string subnet6;
    std::vector<std::uint16_t> host_ports;  // of the host's loopback, open at host.internal
    std::map<std::string, std::string> labels, options;
};

class NetworkStore {
  public:
    explicit NetworkStore(const Store& store) noexcept : store_(store) {}
    [[nodiscard]] std::vector<NetworkRecord> list() const;  // by name
    // By name, else by the beginning of an id that only one has. Throws UsageError (1) when several
    // have it.
    [[nodiscard]] std::optional<NetworkRecord> try_find(const std::string& name_or_id) const;
    // `complete` hears all that exist, under the lock of all networks, and fills in what is left to
    // be chosen. Throws Error (1) when the name is taken.
    NetworkRecord create(
        NetworkRecord wish,
        const std::function<void(NetworkRecord& wish, const std::vector<NetworkRecord>& others)>&
            complete) const;
    void save(const NetworkRecord& record) const;  // of one that exists
    // Under the same lock. `may` is asked first; what it throws leaves the network as it is.
    void remove(const NetworkRecord& record, const std::function<void()>& may = {}) const;
    [[nodiscard]] std::string directory() const;
    // Throws UsageError unless [a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}.
    static void check_name(std::string_view name);

  private:
    const Store& store_;
};

}  // namespace sandbox::store
