#include "sandbox/store/network_facts.hpp"

#include <algorithm>
#include <tuple>

#include "sandbox/base/strings.hpp"

namespace sandbox::store {
namespace {

namespace json = base::json;

template <typename Number>
Number number_at(const json::Value& document, std::string_view key) {
    return static_cast<Number>(document[key].try_i64().value_or(0));
}

struct Port {
    std::uint64_t number = 0;
    std::string protocol;
};
Port split_port(const std::string& text) {
    const size_t slash = text.find('/');
    return {base::try_parse_u64(text.substr(0, slash)).value_or(0),
            slash == text.npos ? "tcp" : text.substr(slash + 1)};
}

bool is_before(const PortMapping& a, const PortMapping& b) {
    const Port left = split_port(a.port), right = split_port(b.port);
    return std::tie(left.protocol, left.number, a.host_address, a.host_port) <
           std::tie(right.protocol, right.number, b.host_address, b.host_port);
}

// Consecutive ports of one address, on both sides alike, are one word.
struct Run {
    Port first;
    std::string address;
    std::uint64_t host_first = 0;
    std::uint64_t count = 1;
    [[nodiscard]] bool goes_on_with(const PortMapping& next) const {
        const Port port = split_port(next.port);
        return port.protocol == first.protocol && next.host_address == address &&
               port.number == first.number + count && next.host_port == host_first + count;
    }
};

std::string range_text(std::uint64_t first, std::uint64_t count) {
    const std::string text = std::to_string(first);
    return count == 1 ? text : text + "-" + std::to_string(first + count - 1);
}

}  // namespace

json::Value network_facts_to_json(const NetworkFacts& facts) {
    json::Array ports, networks;
    for (const PortMapping& each : facts.ports) {
        ports.emplace_back(json::Object{{"port", each.port},
                                        {"host_address", each.host_address},
                                        {"host_port", std::int64_t{each.host_port}}});
    }
    for (const NetworkPlace& each : facts.networks) {
        networks.emplace_back(json::Object{{"name", each.name},
                                           {"id", each.id},
                                           {"ipv4", each.ipv4},
                                           {"prefix", std::int64_t{each.prefix}},
                                           {"gateway", each.gateway},
                                           {"ipv6", each.ipv6},
                                           {"prefix_v6", std::int64_t{each.prefix_v6}},
                                           {"gateway_v6", each.gateway_v6},
                                           {"mac", each.mac},
                                           {"aliases", each.aliases}});
    }
    return json::Object{{"ports", std::move(ports)}, {"networks", std::move(networks)}};
}

NetworkFacts network_facts_from_json(const json::Value& document) {
    NetworkFacts facts;
    if (const json::Array* ports = document["ports"].as_array()) {
        for (const json::Value& each : *ports) {
            facts.ports.push_back({each.string_or("port"), each.string_or("host_address"),
                                   number_at<std::uint16_t>(each, "host_port")});
        }
    }
    if (const json::Array* networks = document["networks"].as_array()) {
        for (const json::Value& each : *networks) {
            NetworkPlace place;
            place.name = each.string_or("name");
            place.id = each.string_or("id");
            place.ipv4 = each.string_or("ipv4");
            place.prefix = number_at<unsigned>(each, "prefix");
            place.gateway = each.string_or("gateway");
            place.ipv6 = each.string_or("ipv6");
            place.prefix_v6 = number_at<unsigned>(each, "prefix_v6");
            place.gateway_v6 = each.string_or("gateway_v6");
            place.mac = each.string_or("mac");
            place.aliases = each["aliases"].strings();
            facts.networks.push_back(std::move(place));
        }
    }
    return facts;
}

std::string ports_text(const std::vector<PortMapping>& ports,
                       const std::vector<std::string>& exposed) {
    std::vector<PortMapping> sorted = ports;
    std::sort(sorted.begin(), sorted.end(), is_before);
    std::vector<Run> runs;
    for (const PortMapping& each : sorted) {
        if (!runs.empty() && runs.back().goes_on_with(each)) {
            ++runs.back().count;
        } else {
            runs.push_back({split_port(each.port), each.host_address, each.host_port, 1});
        }
    }
    std::vector<std::string> words;
    for (const Run& run : runs) {
        const bool v6 = run.address.find(':') != run.address.npos;
        words.push_back((v6 ? "[" + run.address + "]" : run.address) + ":" +
                        range_text(run.host_first, run.count) + "->" +
                        range_text(run.first.number, run.count) + "/" + run.first.protocol);
    }
    for (const std::string& port : exposed) {
        const bool published = std::any_of(ports.begin(), ports.end(),
                                           [&](const auto& each) { return each.port == port; });
        if (!published) words.push_back(port);
    }
    return base::join(words, ", ");
}

}  // namespace sandbox::store
