// The rules on who gets a login: Session's half that deals with 401, tokens and realms.
#include <algorithm>

#include "registry/session.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

constexpr int kMaxTokenHops = 5;
constexpr size_t kMaxWords = 300;

size_t count_labels(std::string_view host) noexcept {
    return static_cast<size_t>(std::count(host.begin(), host.end(), '.')) + 1;
}

// "com.au", "co.uk", "com": nothing that belongs to one organisation.
bool is_public_suffix(std::string_view domain) {
    const size_t labels = count_labels(domain);
    if (labels < 2) return true;
    if (labels > 2) return false;
    const size_t dot = domain.find('.');
    const std::string_view second = domain.substr(0, dot);
    const std::string_view top = domain.substr(dot + 1);
    if (top.size() != 2) return false;
    for (const std::string_view word :
         {"co", "com", "net", "org", "gov", "edu", "ac", "go", "ne", "or", "gob", "mil"}) {
        if (second == word) return true;
    }
    return false;
}

bool is_within(std::string_view host, std::string_view domain) noexcept {
    return host == domain || (host.size() > domain.size() && host.ends_with(domain) &&
                              host[host.size() - domain.size() - 1] == '.');
}

bool is_redirect(int status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

bool is_related_host(std::string_view registry_host, std::string_view realm_host) {
    if (registry_host == realm_host) return true;
    if (try_parse_address(registry_host) || try_parse_address(realm_host)) return false;
    if (count_labels(registry_host) < 2) return false;
    if (is_within(realm_host, registry_host) && !is_public_suffix(registry_host)) return true;
    const std::string_view parent = registry_host.substr(registry_host.find('.') + 1);
    return !is_public_suffix(parent) && is_within(realm_host, parent);
}

std::vector<Challenge> challenges_of(const HttpHead& head) {
    std::string all;
    for (const auto& [name, value] : head.headers) {
        if (name != "www-authenticate") continue;
        if (!all.empty()) all += ", ";
        all += value;
    }
    return parse_challenges(all);
}

std::string error_words(std::string_view body) {
    namespace json = base::json;
    std::string words;
    try {
        const json::Value root = json::parse(body, json::Limits{kMaxErrorBodyBytes, 32});
        const json::Array* errors = root["errors"].as_array();
        if (errors != nullptr && !errors->empty()) {
            const json::Value& first = errors->front();
            words = first.string_or("message");
            if (words.empty()) words = base::to_lower(first.string_or("code"));
        }
        if (words.empty()) words = root.string_or("message");
        if (words.empty()) words = root.string_or("details");
    } catch (const base::IntegrityError&) {
        return {};  // a proxy's HTML page and the like: not worth a line of the user's screen
    }
    return base::escape_control(std::string_view(words).substr(0, kMaxWords));
}

std::string Session::authorization(const Endpoint& endpoint, const std::string& repository) const {
    if (!endpoint.basic.empty()) return endpoint.basic;
    const auto it = endpoint.tokens.find(repository);
    if (it == endpoint.tokens.end() || it->second.expires <= now()) return {};
    return "Bearer " + it->second.value;
}

bool Session::authorise(Endpoint& endpoint, const std::string& repository, const HttpHead& head,
                        const std::string& used) {
    const auto challenge = try_choose_challenge(challenges_of(head));
    if (!challenge) {
        throw base::Error("unauthorized: " + base::quote(endpoint.authority) +
                          " wants a login but does not say which kind");
    }
    const auto it = endpoint.tokens.find(repository);
    // Another transfer was faster: its token is newer than the one that was refused.
    if (challenge->scheme == "bearer" && it != endpoint.tokens.end() &&
        it->second.expires > now() && "Bearer " + it->second.value != used) {
        return true;
    }
    std::optional<Credential> credential = credentials_.try_find(endpoint.registry, repository);
    if (challenge->scheme == "basic") {
        if (!credential || credential->password.empty()) return false;
        const std::string value = basic_authorization(*credential);
        if (value == used) return false;
        endpoint.basic = value;
        return true;
    }
    Endpoint::Token token;
    if (credential && !credential->registry_token.empty()) {
        if ("Bearer " + credential->registry_token == used ||
            !is_safe_header_value(credential->registry_token)) {
            return false;
        }
        token = {credential->registry_token, now() + std::chrono::hours(1)};
    } else {
        std::string scope = challenge->parameter("scope");
        if (scope.empty() && !repository.empty()) scope = "repository:" + repository + ":pull";
        const TokenAnswer answer = fetch_token(endpoint, *challenge, scope, credential, false);
        // A little less than promised: the token must still be good when it arrives.
        token = {answer.token, now() + answer.lifetime - std::chrono::seconds(5)};
    }
    endpoint.basic.clear();
    endpoint.tokens[repository] = std::move(token);
    return true;
}

bool Session::may_carry_login(const Endpoint& endpoint, const Url& realm) const {
    const Url origin = endpoint.origin();
    if (is_related_host(origin.host, realm.host)) return true;
    if (endpoint.registry == "docker.io" && is_within(realm.host, "docker.io")) return true;
    const RegistryConfig* config = config_.find(endpoint.registry);
    if (config == nullptr) return false;
    return std::any_of(
        config->auth_hosts.begin(), config->auth_hosts.end(),
        [&](const std::string& host) { return host == realm.host || host == realm.authority(); });
}

TokenAnswer Session::fetch_token(const Endpoint& endpoint, const Challenge& challenge,
                                 const std::string& scope, std::optional<Credential> credential,
                                 bool offline) {
    TokenWish wish;
    wish.realm = base::with_context("token server of " + base::quote(endpoint.authority),
                                    [&] { return Url::parse(challenge.parameter("realm")); });
    const Url origin = endpoint.origin();
    check_next_hop(origin, endpoint.address_class(), wish.realm, "token server");
    std::string hint = "sandbox login " + endpoint.registry;
    if (credential && !may_carry_login(endpoint, wish.realm)) {
        hint = "if " + base::quote(wish.realm.host) + " may get your login, add auth_hosts = [\"" +
               wish.realm.host + "\"] to [registries.\"" + endpoint.registry + "\"] of config.toml";
        base::log::warning_once("realm " + endpoint.registry,
                                "the login for " + base::quote(endpoint.registry) +
                                    " is not sent to " + base::quote(wish.realm.authority()) +
                                    ", which is another organisation's host");
        credential.reset();
    }
    wish.service = challenge.parameter("service");
    wish.scope = scope;
    wish.credential = credential;
    wish.offline = offline;
    const Attempt attempt = run_token_request(make_token_request(wish), endpoint);
    const int status = attempt.head ? attempt.head->status : 0;
    if (attempt.too_large) {
        throw base::Error("the answer of the token server " + base::quote(wish.realm.authority()) +
                          " is too large");
    }
    if (status == 200) return parse_token_answer(attempt.body);
    const std::string words = error_words(attempt.body);
    const std::string tail = words.empty() ? "" : ": " + words;
    if (status == 401 || status == 403) {
        throw base::Error(credential ? "unauthorized: the login for " +
                                           base::quote(endpoint.registry) + " was refused" + tail
                                     : "unauthorized: " + base::quote(endpoint.registry) +
                                           " wants a login" + tail,
                          hint);
    }
    throw base::Error("the token server " + base::quote(wish.realm.authority()) +
                      " answered with status " + std::to_string(status) + tail);
}

// With redirects (the login is dropped at the first that leaves the origin) and retries.
Attempt Session::run_token_request(HttpRequest request, const Endpoint& endpoint) {
    Url from = endpoint.origin();
    AddressClass from_class = endpoint.address_class();
    int hops = 0;
    int failures = 0;
    while (true) {
        HttpRequest copy = request;
        prepare(copy, copy.url.host == from.host ? std::nullopt
                                                 : std::optional<AddressClass>(from_class));
        Attempt attempt = run(std::move(copy), kMaxTokenAnswerBytes);
        const bool answered = attempt.head && attempt.outcome.fault == Fault::none;
        if (answered && is_redirect(attempt.head->status) && request.method == "GET") {
            if (++hops > kMaxTokenHops) throw base::Error("token server: too many redirects");
            const Url next = base::with_context("token server", [&] {
                return resolve_location(request.url, attempt.head->find("location"));
            });
            from = request.url;
            from_class = attempt.outcome.peer.value_or(classify_host(from.host));
            check_next_hop(from, from_class, next, "token server");
            if (!same_origin(from, next)) request.headers.clear();
            request.url = next;
            continue;
        }
        const bool again = answered ? is_retryable_status(attempt.head->status)
                                    : attempt.outcome.fault == Fault::cut ||
                                          attempt.outcome.fault == Fault::no_reply;
        if (!again || ++failures >= config_.retry.tries) {
            if (!answered) throw describe_fault(attempt.outcome, request.url, config_.timing);
            return attempt;
        }
        const auto asked =
            answered ? try_parse_retry_after(attempt.head->find("retry-after"), unix_now())
                     : std::nullopt;
        wait(config_.retry.delay(failures, asked));
    }
}

}  // namespace sandbox::registry
