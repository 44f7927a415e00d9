#include "engine/network/network_change.hpp"

#include <algorithm>
#include <array>

#include "engine/container_record.hpp"
#include "engine/flags/option_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

// host, none and container: are no networks that one is on.
std::vector<std::string> word_of_mode(const std::string& mode) {
    const NetworkWish wish = parse_network(mode);
    if (wish.mode != NetworkMode::attached) return {};
    return {wish.name};
}

// The words that the container was made with; a single name may stand as the mode.
std::vector<std::string> words_of(const json::Value& record) {
    // A run that is not kept has no request: its record is for listings alone.
    if (record["request"].as_object() == nullptr) {
        std::vector<std::string> names = record["networks"].strings();
        return names.empty() ? word_of_mode(record.string_or("network", kPrivateNetwork)) : names;
    }
    std::vector<std::string> words = record["request"]["networks"].strings();
    if (!words.empty()) return words;
    return word_of_mode(record["request"].string_or("network", kPrivateNetwork));
}

// What a container was given by flags of their own is its place on the first named network.
constexpr std::array kPlaceKeys{"network_aliases", "ip", "ip6", "mac_address"};

std::string first_named(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
        std::string name = parse_network_use(word).name;
        if (name != kPrivateNetwork) return name;
    }
    return {};
}

json::Value with_words(const json::Value& record, const std::vector<std::string>& words) {
    std::vector<std::string> names;
    for (const std::string& word : words) names.push_back(parse_network_use(word).name);
    json::Object changed;
    for (const json::Object::Member& member : *record.as_object()) {
        if (member.first == "networks") continue;
        if (member.first != "network") {
            changed.append(member.first, member.second);
            continue;
        }
        // Side by side: listings do not read the whole record (store/container_summary.hpp).
        changed.append("network", names.empty() ? "none" : names.front());
        if (!names.empty()) changed.append("networks", names);
    }
    if (json::Object* request = changed["request"].as_object()) {
        request->erase("network");
        request->erase("networks");
        if (words.empty()) {
            (*request)["network"] = "none";
        } else if (names.size() == 1 && names.front() == kPrivateNetwork) {
            (*request)["network"] = kPrivateNetwork;
        } else {
            (*request)["networks"] = words;
        }
    }
    return json::Value(std::move(changed));
}

}  // namespace

json::Value with_network(const json::Value& record, const std::string& word) {
    const std::string name = parse_network_use(word).name;
    std::vector<std::string> words = words_of(record);
    for (const std::string& other : words) {
        if (parse_network_use(other).name == name) {
            throw base::Error("the container is on network " + base::quote(shown_network(name)) +
                              " already");
        }
    }
    const std::string mode = record.string_or("network");
    if (mode == "host" || mode.starts_with("container:")) {
        throw base::Error(
            mode == "host" ? "a container with the host's network cannot be on another one"
                           : "a container in another one's network has that one's",
            mode == "host" ? "make it without --network host" : "connect the other one");
    }
    words.push_back(word);
    return with_words(record, words);
}

json::Value without_network(const json::Value& record, const std::string& network) {
    std::vector<std::string> words = words_of(record);
    const std::string placed = first_named(words);
    const size_t removed = std::erase_if(
        words, [&](const std::string& word) { return parse_network_use(word).name == network; });
    if (removed == 0) {
        throw base::NotFoundError("the container is not on network " +
                                  base::quote(shown_network(network)));
    }
    json::Value changed = with_words(record, words);
    json::Object* request = (*changed.as_object())["request"].as_object();
    if (request != nullptr && placed == network) {
        for (const char* key : kPlaceKeys) request->erase(key);
    }
    return changed;
}

}  // namespace sandbox::engine
