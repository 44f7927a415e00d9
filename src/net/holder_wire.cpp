#include "net/holder_wire.hpp"

#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::net {
namespace {

namespace json = base::json;
using json::Value;

std::vector<std::uint8_t> bytes_from_hex(std::string_view text) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::vector<std::uint8_t> bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(static_cast<std::uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
    }
    return bytes;
}

std::optional<IpAddress> address_of(const Value& value, std::string_view key) {
    return try_parse_address(value.string_or(key));
}

Value ports_to_json(const std::vector<std::uint16_t>& ports) {
    json::Array all;
    for (const std::uint16_t port : ports) all.emplace_back(static_cast<int>(port));
    return all;
}

std::vector<std::uint16_t> ports_from_json(const Value& value) {
    std::vector<std::uint16_t> ports;
    if (const json::Array* all = value.as_array()) {
        for (const Value& port : *all) {
            ports.push_back(static_cast<std::uint16_t>(port.try_u64().value_or(0)));
        }
    }
    return ports;
}

template <typename T>
void put(json::Object& object, const char* key, const std::optional<T>& value) {
    if (value) object[key] = value->str();
}

}  // namespace

namespace wire {

static std::vector<std::string> texts_of(const std::vector<IpAddress>& addresses) {
    std::vector<std::string> texts;
    for (const IpAddress& address : addresses) texts.push_back(address.str());
    return texts;
}

static std::vector<IpAddress> addresses_from(const Value& value) {
    std::vector<IpAddress> addresses;
    for (const std::string& text : value.strings()) {
        if (const auto address = try_parse_address(text)) addresses.push_back(*address);
    }
    return addresses;
}

Value wish_to_json(const AttachPlan& wish) {
    json::Object object{{"op", "enter"},
                        {"link", wish.link_name},
                        {"index", wish.link_index},
                        {"names", wish.names},
                        {"route", wish.default_route},
                        {"prepared", wish.prepared},
                        {"replaces", wish.replaces},
                        {"host_ports", ports_to_json(wish.host_ports)},
                        {"link_local", wish.link_local},
                        {"servers", texts_of(wish.name_servers)},
                        {"itself", wish.configures_itself}};
    put(object, "v4", wish.address_v4);
    put(object, "v6", wish.address_v6);
    if (wish.mac) object["mac"] = base::to_hex(wish.mac->data(), wish.mac->size());
    return object;
}

AttachPlan wish_from_json(const Value& value) {
    AttachPlan wish;
    wish.link_name = value.string_or("link", wish.link_name);
    wish.link_index = static_cast<int>(value["index"].try_i64().value_or(wish.link_index));
    wish.names = value["names"].strings();
    wish.default_route = value["route"].is_true();
    wish.prepared = value["prepared"].is_true();
    wish.replaces = value["replaces"].is_true();
    wish.host_ports = ports_from_json(value["host_ports"]);
    wish.link_local = value["link_local"].is_true();
    wish.name_servers = addresses_from(value["servers"]);
    wish.configures_itself = value["itself"].is_true();
    wish.address_v4 = address_of(value, "v4");
    wish.address_v6 = address_of(value, "v6");
    const std::vector<std::uint8_t> mac = bytes_from_hex(value.string_or("mac"));
    if (mac.size() == std::tuple_size_v<MacAddress>) {
        std::copy(mac.begin(), mac.end(), wish.mac.emplace().begin());
    }
    return wish;
}

Value attachment_to_json(const Attachment& attachment) {
    json::Object object{
        {"id", attachment.id},
        {"v4", attachment.address_v4.str()},
        {"server", attachment.name_server.str()},
        {"inside", base::to_hex(attachment.inside.data(), attachment.inside.size())}};
    put(object, "v6", attachment.address_v6);
    return object;
}

Attachment attachment_from_json(const Value& value) {
    const auto v4 = address_of(value, "v4");
    const auto server = address_of(value, "server");
    if (!v4 || !server) throw base::IntegrityError("the network's holder gave no address");
    Attachment attachment;
    attachment.id = static_cast<std::uint32_t>(value["id"].try_u64().value_or(0));
    attachment.address_v4 = *v4;
    attachment.address_v6 = address_of(value, "v6");
    attachment.name_server = *server;
    attachment.inside = bytes_from_hex(value.string_or("inside"));
    return attachment;
}

Value names_to_json(const std::vector<NamedAddresses>& names) {
    json::Array all;
    for (const NamedAddresses& each : names) {
        all.emplace_back(
            json::Object{{"names", each.names}, {"addresses", texts_of(each.addresses)}});
    }
    return all;
}

std::vector<NamedAddresses> names_from_json(const Value& value) {
    std::vector<NamedAddresses> all;
    const json::Array* array = value.as_array();
    if (array == nullptr) return all;
    for (const Value& each : *array) {
        NamedAddresses named;
        named.names = each["names"].strings();
        named.addresses = addresses_from(each["addresses"]);
        all.push_back(std::move(named));
    }
    return all;
}

Value fault_to_json(const NetworkFault& fault) {
    return json::Object{{"a", fault.a.str()},
                        {"b", fault.b.str()},
                        {"a_name", fault.a_name},
                        {"b_name", fault.b_name},
                        {"delay_us", static_cast<std::int64_t>(fault.delay.count())},
                        {"drop_ppm", static_cast<std::int64_t>(fault.drop_ppm)},
                        {"partition", fault.partition}};
}

NetworkFault fault_from_json(const Value& value) {
    NetworkFault fault;
    fault.a = address_of(value, "a").value_or(IpAddress{});
    fault.b = address_of(value, "b").value_or(IpAddress{});
    fault.a_name = value.string_or("a_name");
    fault.b_name = value.string_or("b_name");
    fault.delay = std::chrono::microseconds(value["delay_us"].try_u64().value_or(0));
    fault.drop_ppm = static_cast<std::uint32_t>(value["drop_ppm"].try_u64().value_or(0));
    fault.partition = value["partition"].is_true();
    return fault;
}

std::string socket_path(int dir_fd, const std::string& id) {
    constexpr size_t kShortId = 32;
    return "/proc/self/fd/" + std::to_string(dir_fd) + "/" + id.substr(0, kShortId) + ".sock";
}

}  // namespace wire

std::string encode_plan(const NetworkPlan& plan) {
    json::Object object{{"name", plan.name},
                        {"internal", plan.internal},
                        {"link_local", plan.link_local},
                        {"ipv6", plan.ipv6},
                        {"v4_names", plan.v4_names}};
    put(object, "subnet", plan.subnet_v4);
    put(object, "subnet6", plan.subnet_v6);
    put(object, "gateway", plan.gateway_v4);
    put(object, "range", plan.range_v4);
    object["host_ports"] = ports_to_json(plan.host_ports);
    return json::dump(Value(std::move(object)), 0, json::Escape::plain);
}

NetworkPlan decode_plan(const std::string& text) {
    const Value value = json::parse(text);
    NetworkPlan plan;
    plan.name = value.string_or("name");
    plan.internal = value["internal"].is_true();
    plan.link_local = value["link_local"].is_true();
    plan.ipv6 = value["ipv6"].is_true();
    plan.v4_names = value["v4_names"].is_true();
    plan.subnet_v4 = try_parse_subnet(value.string_or("subnet"));
    plan.subnet_v6 = try_parse_subnet(value.string_or("subnet6"));
    plan.gateway_v4 = address_of(value, "gateway");
    plan.range_v4 = try_parse_subnet(value.string_or("range"));
    plan.host_ports = ports_from_json(value["host_ports"]);
    return plan;
}

}  // namespace sandbox::net
