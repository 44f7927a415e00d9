// `login`, `logout`: a login is stored only after the registry has accepted it.
#include "registry/core.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"

namespace sandbox::registry {

namespace {

base::Error refused(const std::string& registry, std::string_view body) {
    const std::string words = error_words(body);
    return base::Error("unauthorized: " + base::quote(registry) +
                           " refused this user name and password" +
                           (words.empty() ? "" : ": " + words),
                       "check both; some registries want an access token as the password");
}

// Finds out which scheme is spoken and what is asked for. Anonymous.
Attempt ask_base(Session& session, Endpoint& endpoint, const std::string& authorization) {
    std::optional<base::Error> first_error;
    const std::vector<Scheme> schemes = endpoint.schemes;
    for (const Scheme scheme : schemes) {
        HttpRequest request;
        request.url = make_origin(scheme, endpoint.authority);
        request.url.target = "/v2/";
        if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
        const Url url = request.url;
        session.prepare(request, std::nullopt);
        Attempt attempt = session.run(std::move(request), kMaxErrorBodyBytes);
        const bool wrong_scheme = attempt.head && attempt.head->status == 400 &&
                                  scheme == Scheme::http && schemes.size() > 1;
        if (attempt.head && !wrong_scheme) {
            endpoint.schemes = {scheme};
            if (attempt.outcome.peer) endpoint.peer = attempt.outcome.peer;
            return attempt;
        }
        const base::Error error =
            attempt.head ? base::Error(base::quote(url.authority()) + " answered with status 400")
                         : describe_fault(attempt.outcome, url, session.config().timing);
        // A failed certificate says more than "closed the connection" before it.
        const bool tls_failed =
            attempt.outcome.fault == Fault::tls || attempt.outcome.fault == Fault::tls_broken;
        if (!first_error || tls_failed) first_error = error;
    }
    throw base::Error(*first_error);
}

}  // namespace

std::string parse_registry_name(const std::string& text) {
    std::string_view name = text;
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (name.starts_with(scheme)) name.remove_prefix(scheme.size());
    }
    for (const std::string_view tail : {"/v1/", "/v2/", "/v1", "/v2", "/"}) {
        if (name.ends_with(tail)) name.remove_suffix(tail.size());
    }
    try {
        (void)make_origin(Scheme::https, name);
    } catch (const base::Error&) {
        throw base::UsageError("bad registry name " + base::quote(name.substr(0, 256)),
                               "a host or host:port is needed");
    }
    return canonical_registry(name);
}

void Core::login(const std::string& registry, const std::string& user,
                 const std::string& password) {
    if (user.empty() || user.find(':') != std::string::npos || password.empty()) {
        throw base::UsageError("a login needs a user name without \":\" and a password");
    }
    for (const std::string& text : {user, password}) {
        if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
            throw base::UsageError("user name or password holds a line break or a NUL byte");
        }
    }
    Endpoint& endpoint = *session_.endpoints_for(registry).back();
    Credential credential;
    credential.user = user;
    credential.password = password;
    const Attempt first = ask_base(session_, endpoint, {});
    Credential stored = credential;
    if (first.head->status == 401) {
        const auto challenge = try_choose_challenge(challenges_of(*first.head));
        if (!challenge) {
            throw base::Error(base::quote(registry) + " wants a login but does not say which kind");
        }
        std::string authorization = basic_authorization(credential);
        if (challenge->scheme == "bearer") {
            const TokenAnswer answer = session_.fetch_token(
                endpoint, *challenge, challenge->parameter("scope"), credential, true);
            authorization = "Bearer " + answer.token;
            if (!answer.identity_token.empty()) {
                stored.password.clear();
                stored.identity_token = answer.identity_token;
            }
        }
        const Attempt second = ask_base(session_, endpoint, authorization);
        const int status = second.head->status;
        // Some registries (GitLab, older Harbor) refuse a token without a scope here although the
        // login was good: the token server has the word then.
        if (status == 401 || status == 403) throw refused(registry, second.body);
        if (status >= 400) {
            throw base::Error(base::quote(registry) + " answered with status " +
                              std::to_string(status));
        }
    } else if (first.head->status != 200) {
        throw base::Error(
            base::quote(registry) + " answered with status " + std::to_string(first.head->status),
            "is it a registry that speaks the /v2/ protocol?");
    }
    session_.credentials().store(registry, stored);
}

}  // namespace sandbox::registry
