#include "engine/network/own_words.hpp"

#include <algorithm>

#include "engine/flags/option_flags.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

constexpr const char* kLoopback = "127.0.0.1";

// As in a container without a network: its name is its loopback's.
std::vector<std::string> addresses_or_loopback(const OwnWords& words) {
    return words.addresses.empty() ? std::vector<std::string>{kLoopback} : words.addresses;
}

bool has(const std::vector<std::string>& all, std::string_view one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

std::vector<std::string> lines_of(std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    return text.empty() ? std::vector<std::string>{} : base::split(text, '\n');
}

}  // namespace

void complete_spec(ContainerSpec& spec, const std::vector<std::string>& own,
                   const std::string& gateway) {
    // On named networks only the gateway knows the others' names; it asks --dns for the rest.
    if (spec.dns_from_gateway || !spec.networks.empty()) spec.dns_servers = {gateway};
    for (auto& [name, address] : spec.hosts) {
        if (name == spec.hostname && address == kLoopback) address = own.front();
        if (address == kHostGateway) address = gateway;
    }
    if (spec.hosts.empty()) return;
    for (size_t i = 1; i < own.size(); ++i) spec.hosts.emplace_back(spec.hostname, own[i]);
}

std::string changed_resolv_conf(std::string_view text, const OwnWords& before,
                                const OwnWords& after) {
    std::string changed;
    for (std::string& line : lines_of(text)) {
        if (line == "nameserver " + before.name_server) line = "nameserver " + after.name_server;
        changed += line + "\n";
    }
    return changed;
}

std::string changed_hosts(std::string_view text, const OwnWords& before, const OwnWords& after) {
    const std::vector<std::string> old = addresses_or_loopback(before);
    const std::vector<std::string> now = addresses_or_loopback(after);
    std::string changed;
    for (const std::string& line : lines_of(text)) {
        const size_t tab = line.find('\t');
        const std::string address = line.substr(0, tab);
        const std::string names = tab == std::string::npos ? "" : line.substr(tab + 1);
        if (names == after.hostname && has(old, address)) continue;
        const bool gateway = !names.empty() && address == before.name_server;
        changed += (gateway ? after.name_server + "\t" + names : line) + "\n";
    }
    // One that was taken out by somebody comes back with a change: it is true.
    for (const std::string& address : now) changed += address + "\t" + after.hostname + "\n";
    return changed;
}

}  // namespace sandbox::engine
