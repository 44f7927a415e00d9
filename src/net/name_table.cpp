#include "name_table.hpp"

#include <algorithm>

#include "sandbox/base/strings.hpp"

namespace sandbox::net {
namespace {

constexpr std::uint16_t kInternet = 1;
constexpr size_t kMaxNameBytes = 63;  // RFC 1035 2.3.4: a label

std::string canonical(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    return base::to_lower(name);
}

DnsType type_of(const IpAddress& address) {
    return address.is_v6() ? DnsType::aaaa : DnsType::a;
}

}  // namespace

void NameTable::set_owner(const std::string& id, Owner owner) {
    remove_owner(id);
    // A container may be called more than can be asked for: its other names have to do.
    std::erase_if(owner.names, [](const std::string& name) { return name.size() > kMaxNameBytes; });
    for (std::string& name : owner.names) {
        name = canonical(name);
        owners_of_name_.emplace(name, id);
    }
    if (!owner.names.empty()) {
        for (const IpAddress& address : owner.addresses) {
            names_of_address_[address] = owner.names.front();
        }
    }
    owners_[id] = std::move(owner);
}

void NameTable::remove_owner(const std::string& id) {
    const auto found = owners_.find(id);
    if (found == owners_.end()) return;
    std::erase_if(owners_of_name_, [&](const auto& entry) { return entry.second == id; });
    for (const IpAddress& address : found->second.addresses) names_of_address_.erase(address);
    owners_.erase(found);
}

bool NameTable::knows(std::string_view name) const {
    return owners_of_name_.count(canonical(name)) != 0;
}

std::optional<NameTable::Found> NameTable::look_up_address(const IpAddress& address) const {
    const auto found = names_of_address_.find(address);
    if (found == names_of_address_.end()) return std::nullopt;
    return Found{DnsCode::no_error, {{DnsType::ptr, {}, found->second}}};
}

std::optional<NameTable::Found> NameTable::look_up(const DnsQuery& query) {
    if (query.klass != kInternet || query.name.empty()) return std::nullopt;
    if (query.type == static_cast<std::uint16_t>(DnsType::ptr)) {
        const std::optional<IpAddress> address = try_parse_reverse_name(query.name);
        return address ? look_up_address(*address) : std::nullopt;
    }
    const auto [begin, end] = owners_of_name_.equal_range(query.name);
    if (begin == end) return std::nullopt;
    Found found;
    for (auto entry = begin; entry != end; ++entry) {
        for (const IpAddress& address : owners_.at(entry->second).addresses) {
            if (v4_only_ && address.is_v6()) continue;
            const DnsType type = type_of(address);
            if (query.type == static_cast<std::uint16_t>(type) ||
                query.type == static_cast<std::uint16_t>(DnsType::any)) {
                found.answers.push_back({type, address, {}});
            }
        }
    }
    if (found.answers.size() > 1) {
        const auto first = static_cast<std::ptrdiff_t>(turn_++ % found.answers.size());
        std::rotate(found.answers.begin(), found.answers.begin() + first, found.answers.end());
    }
    return found;
}

}  // namespace sandbox::net
