// What all requests of a process share: the transport, where registries are reached and how they
// speak, tokens, and the rules on who gets a login. Single-threaded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "registry/config.hpp"
#include "registry/credentials.hpp"
#include "registry/token.hpp"
#include "registry/transport.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::registry {

inline constexpr size_t kMaxErrorBodyBytes = 64 * 1024;

// One try of one request and all that came of it.
struct Attempt {
    std::optional<HttpHead> head;
    std::string body;        // cut at the limit
    bool too_large = false;  // a body beyond the limit, of an answer that would be used
    HttpOutcome outcome;
};

// A place that serves a registry's content: the registry itself or a mirror of it.
struct Endpoint {
    std::string registry;   // as in references and logins: "docker.io", "mirror:5000"
    std::string authority;  // where it is: "registry-1.docker.io"
    std::string prefix;     // of a mirror below a path: "hub/"
    bool mirror = false;
    std::vector<Scheme> schemes;       // still possible, the first is tried; one ⇒ known
    std::optional<AddressClass> peer;  // where it was reached; absent: never yet
    std::string basic;  // the Authorization value that it asked for, when it asked for basic

    struct Token {
        std::string value;
        std::chrono::steady_clock::time_point expires;
    };
    std::map<std::string, Token> tokens;  // by repository

    [[nodiscard]] Url origin() const { return make_origin(schemes.front(), authority); }
    [[nodiscard]] AddressClass address_class() const;
};

struct Clock {
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
    std::function<std::int64_t()> unix_now;  // absent: time(2)
};

class Session {
  public:
    Session(Transport& transport, Config config, Environment environment, Clock clock);

    // Mirrors first, the registry itself last. Same objects each time.
    [[nodiscard]] std::vector<Endpoint*> endpoints_for(const std::string& registry);

    // Fills in TLS, proxy, timing and user agent. `sent_by`: see HttpRequest; a host that
    // config.toml names may be reached whoever sends us.
    void prepare(HttpRequest& request, std::optional<AddressClass> sent_by);
    // Runs one request to its end. Interruptible; other transfers move on meanwhile.
    Attempt run(HttpRequest request, size_t limit_bytes);
    void wait(std::chrono::milliseconds time);
    // Moves all transfers on; wakes early when interrupted.
    void step(std::chrono::milliseconds timeout);
    // Throws Error (code 130) when the caller's interrupt descriptor is readable.
    void check_interrupt() const;
    void set_interrupt_fd(int fd) noexcept { interrupt_fd_ = fd; }

    // The Authorization value to send with a request below the endpoint's origin; "" when none.
    // `repository`: path on that endpoint; empty: none (login).
    [[nodiscard]] std::string authorization(const Endpoint& endpoint,
                                            const std::string& repository) const;
    // After a 401: gets what `head` asks for. False: nothing new to try. `used` is what was sent.
    bool authorise(Endpoint& endpoint, const std::string& repository, const HttpHead& head,
                   const std::string& used);
    // A token from the realm of `challenge`, by the rules on who gets a login.
    TokenAnswer fetch_token(const Endpoint& endpoint, const Challenge& challenge,
                            const std::string& scope, std::optional<Credential> credential,
                            bool offline);
    // Is plain http to that URL allowed (loopback, or insecure in config.toml)?
    [[nodiscard]] bool allows_plain_http(const Url& url) const;
    // Throws Error when `from` (of class `from_class`) must not send us to `to`.
    void check_next_hop(const Url& from, AddressClass from_class, const Url& to,
                        std::string_view what) const;

    [[nodiscard]] const Config& config() const noexcept { return config_; }
    [[nodiscard]] Credentials& credentials() noexcept { return credentials_; }
    [[nodiscard]] Transport& transport() noexcept { return transport_; }
    [[nodiscard]] std::chrono::steady_clock::time_point now() const { return clock_.now(); }
    [[nodiscard]] std::int64_t unix_now() const;

  private:
    Endpoint* endpoint(const std::string& name, bool mirror);
    std::shared_ptr<const TlsOptions> tls_for(const std::string& authority);
    bool may_carry_login(const Endpoint& endpoint, const Url& realm) const;
    Attempt run_token_request(HttpRequest request, const Endpoint& endpoint);

    Transport& transport_;
    Config config_;
    Environment environment_;
    Clock clock_;
    Credentials credentials_;
    std::map<std::string, std::unique_ptr<Endpoint>> endpoints_;
    std::map<std::string, std::shared_ptr<const TlsOptions>> tls_;
    int interrupt_fd_ = -1;
};

// Is `realm_host` the same host as the registry's, or one of the same organisation's domain
// ("auth.docker.io" for "registry-1.docker.io", "gitlab.com" for "registry.gitlab.com")?
[[nodiscard]] bool is_related_host(std::string_view registry_host, std::string_view realm_host);
// All WWW-Authenticate headers of an answer as one list.
[[nodiscard]] std::vector<Challenge> challenges_of(const HttpHead& head);
// The registry's own words from an error body ("errors": [{code, message}]), safe to print; or "".
[[nodiscard]] std::string error_words(std::string_view body);
// An outcome that is no answer, in words: "cannot connect to …", "tls: …", "timeout: …".
[[nodiscard]] base::Error describe_fault(const HttpOutcome& outcome, const Url& url,
                                         const Timing& timing);

}  // namespace sandbox::registry
