#include "engine/network/network_change.hpp"

#include <algorithm>

#include "engine/container_record.hpp"
#include "engine/flags/option_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

// The words that the container was made with; a single name may stand as the mode.
std::vector<std::string> words_of(const json::Value& record) {
    // A run that is not kept has no request: its record is for listings alone.
    if (record["request"].as_object() == nullptr) return record["networks"].strings();
    std::vector<std::string> words = record["request"]["networks"].strings();
    const std::string mode = record["request"].string_or("network");
    if (words.empty() && !mode.empty() && parse_network(mode).named) words = {mode};
    return words;
}

json::Value with_words(const json::Value& record, const std::vector<std::string>& words) {
    json::Object changed = *record.as_object();
    std::vector<std::string> names;
    for (const std::string& word : words) names.push_back(parse_network_use(word).name);
    if (json::Object* request = changed["request"].as_object()) {
        request->erase("network");
        request->erase("networks");
        if (words.empty()) {
            (*request)["network"] = "none";
        } else {
            (*request)["networks"] = words;
        }
    }
    changed["network"] = names.empty() ? "none" : names.front();
    changed.erase("networks");
    if (!names.empty()) changed["networks"] = names;
    return json::Value(std::move(changed));
}

}  // namespace

json::Value with_network(const json::Value& record, const std::string& word) {
    const std::string name = parse_network_use(word).name;
    std::vector<std::string> words = words_of(record);
    for (const std::string& other : words) {
        if (parse_network_use(other).name == name) {
            throw base::Error("the container is on network " + base::quote(name) + " already");
        }
    }
    const std::string mode = record.string_or("network");
    if (mode == "host") {
        throw base::Error("a container with the host's network cannot be on another one",
                          "make it without --network host");
    }
    words.push_back(word);
    return with_words(record, words);
}

json::Value without_network(const json::Value& record, const std::string& network) {
    std::vector<std::string> words = words_of(record);
    const size_t removed = std::erase_if(
        words, [&](const std::string& word) { return parse_network_use(word).name == network; });
    if (removed == 0) {
        throw base::NotFoundError("the container is not on network " + base::quote(network));
    }
    return with_words(record, words);
}

}  // namespace sandbox::engine
