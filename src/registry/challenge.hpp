// WWW-Authenticate (RFC 9110, section 11.6.1): what a server asks for. Hostile input: whatever is
// malformed is left out, never guessed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox::registry {

struct Challenge {
    std::string scheme;                                                // lower case
    std::vector<std::pair<std::string, std::string>> parameters;       // names in lower case
    [[nodiscard]] std::string parameter(std::string_view name) const;  // "" when missing
};

// One header's value may hold several challenges. More than 16 KiB, 16 challenges or 32
// parameters: the rest is ignored.
[[nodiscard]] std::vector<Challenge> parse_challenges(std::string_view header);
// Bearer with a realm before basic; absent when neither is there.
[[nodiscard]] std::optional<Challenge> try_choose_challenge(const std::vector<Challenge>& all);

}  // namespace sandbox::registry
