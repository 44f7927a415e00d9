// Bearer tokens: docker's GET flow with a scope, and the OAuth2 POST for identity tokens
// (distribution-spec "auth"). Requests and answers only; who may get a login: session.hpp.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "registry/auth_file.hpp"
#include "registry/challenge.hpp"
#include "registry/transport.hpp"

namespace sandbox::registry {

inline constexpr size_t kMaxTokenAnswerBytes = 1u << 20;

struct TokenWish {
    Url realm;
    std::string service;
    std::string scope;                     // empty: none (login)
    std::optional<Credential> credential;  // absent: anonymous
    bool offline = false;                  // login: ask for an identity token too
};

// URL, method, body and headers; the rest is the session's. POST when there is an identity token.
[[nodiscard]] HttpRequest make_token_request(const TokenWish& wish);

struct TokenAnswer {
    std::string token;
    std::string identity_token;  // "" when none was given
    std::chrono::seconds lifetime{60};
};
// Throws IntegrityError; the message never holds the answer.
[[nodiscard]] TokenAnswer parse_token_answer(std::string_view body);

[[nodiscard]] std::string basic_authorization(const Credential& credential);
// Only visible ASCII may go into a header.
[[nodiscard]] bool is_safe_header_value(std::string_view text) noexcept;

}  // namespace sandbox::registry
