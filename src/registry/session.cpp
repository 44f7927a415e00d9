#include "registry/session.hpp"

#include <algorithm>
#include <ctime>

#include "registry/ca_bundle.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

constexpr int kInterrupted = base::exit_code::kSignalBase + 2;  // SIGINT
constexpr std::chrono::milliseconds kStep{1000};

// Gathers an answer in memory, up to a limit.
class Collector final : public HttpHandler {
  public:
    explicit Collector(size_t limit_bytes) : limit_(limit_bytes) {}

    Flow on_head(const HttpHead& head) override {
        attempt.head = head;
        if (head.status != 200) limit_ = std::min(limit_, kMaxErrorBodyBytes);
        const auto length = base::try_parse_u64(head.find("content-length"));
        if (head.status == 200 && length && *length > limit_) {
            attempt.too_large = true;
            return Flow::stop;
        }
        return Flow::go_on;
    }
    Flow on_data(std::string_view bytes) override {
        const size_t room = limit_ - attempt.body.size();
        attempt.body.append(bytes.substr(0, room));
        if (bytes.size() <= room) return Flow::go_on;
        attempt.too_large = attempt.head->status == 200;
        cut = true;
        return Flow::stop;
    }
    void on_done(HttpOutcome outcome) noexcept override {
        attempt.outcome = std::move(outcome);
        // What was cut on purpose is a whole answer.
        if (cut || attempt.too_large) attempt.outcome.fault = Fault::none;
        done = true;
    }

    Attempt attempt;
    bool cut = false;
    bool done = false;

  private:
    size_t limit_;
};

}  // namespace

AddressClass Endpoint::address_class() const {
    return peer ? *peer : classify_host(origin().host);
}

Session::Session(Transport& transport, Config config, Environment environment, Clock clock)
    : transport_(transport),
      config_(std::move(config)),
      environment_(std::move(environment)),
      clock_(std::move(clock)),
      credentials_(environment_) {}

std::int64_t Session::unix_now() const {
    return clock_.unix_now ? clock_.unix_now() : static_cast<std::int64_t>(std::time(nullptr));
}

Endpoint* Session::endpoint(const std::string& name, bool mirror) {
    auto& slot = endpoints_[(mirror ? "mirror " : "") + name];
    if (slot) return slot.get();
    auto made = std::make_unique<Endpoint>();
    const size_t slash = name.find('/');
    made->registry = canonical_registry(name.substr(0, slash));
    made->authority = made->registry == "docker.io" ? "registry-1.docker.io" : made->registry;
    if (slash != std::string::npos) made->prefix = name.substr(slash + 1) + "/";
    made->mirror = mirror;
    const RegistryConfig* config = config_.find(made->registry);
    const Url url = make_origin(Scheme::https, made->authority);
    if (is_loopback_host(url.host)) {
        made->schemes = {Scheme::http, Scheme::https};
    } else if (config != nullptr && config->insecure) {
        made->schemes = {Scheme::https, Scheme::http};
    } else {
        made->schemes = {Scheme::https};
    }
    slot = std::move(made);
    return slot.get();
}

std::vector<Endpoint*> Session::endpoints_for(const std::string& registry) {
    std::vector<Endpoint*> all;
    if (const RegistryConfig* config = config_.find(canonical_registry(registry))) {
        for (const std::string& mirror : config->mirrors) all.push_back(endpoint(mirror, true));
    }
    all.push_back(endpoint(registry, false));
    return all;
}

std::shared_ptr<const TlsOptions> Session::tls_for(const std::string& authority) {
    auto& slot = tls_[authority];
    if (!slot) {
        // docker.io is configured under its own name, not its server's.
        const RegistryConfig* config = config_.find(canonical_registry(authority));
        slot = std::make_shared<const TlsOptions>(tls_options_for(authority, config, environment_));
    }
    return slot;
}

void Session::prepare(HttpRequest& request, std::optional<AddressClass> sent_by) {
    request.timing = config_.timing;
    request.headers.emplace_back("User-Agent", "sandbox/" SANDBOX_VERSION);
    request.headers.emplace_back("Accept-Encoding", "identity");
    request.proxy = proxy_for(request.url, environment_);
    if (request.url.scheme == Scheme::https) request.tls = tls_for(request.url.authority());
    if (config_.find(request.url.authority()) == nullptr) request.sent_by = sent_by;
}

void Session::check_interrupt() const {
    if (interrupt_fd_ < 0) return;
    pollfd entry{interrupt_fd_, POLLIN, 0};
    if (::poll(&entry, 1, 0) > 0) throw base::Error("interrupted", {}, kInterrupted);
}

Attempt Session::run(HttpRequest request, size_t limit_bytes) {
    Collector collector(limit_bytes);
    const Transport::Id id = transport_.start(std::move(request), collector);
    try {
        while (!collector.done) {
            step(kStep);
            if (!collector.done) check_interrupt();
        }
    } catch (...) {
        transport_.cancel(id);
        throw;
    }
    if (collector.attempt.outcome.thrown) {
        std::rethrow_exception(collector.attempt.outcome.thrown);
    }
    return std::move(collector.attempt);
}

void Session::wait(std::chrono::milliseconds time) {
    const auto end = now() + time;
    while (true) {
        check_interrupt();
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now());
        if (left.count() <= 0) return;
        step(left);
    }
}

void Session::step(std::chrono::milliseconds timeout) {
    pollfd extra{interrupt_fd_, POLLIN, 0};
    transport_.step(timeout, {&extra, interrupt_fd_ < 0 ? size_t{0} : size_t{1}});
}

bool Session::allows_plain_http(const Url& url) const {
    if (is_loopback_host(url.host)) return true;
    const RegistryConfig* config = config_.find(url.authority());
    return config != nullptr && config->insecure;
}

void Session::check_next_hop(const Url& from, AddressClass from_class, const Url& to,
                             std::string_view what) const {
    const std::string where = std::string(what) + " of " + base::quote(from.authority()) + ": ";
    if (to.scheme == Scheme::http && from.scheme == Scheme::https) {
        throw base::Error(where + "refused to go from https to plain http at " +
                          base::quote(to.authority()));
    }
    if (to.scheme == Scheme::http && !allows_plain_http(to)) {
        throw base::Error(where + "refused plain http to " + base::quote(to.authority()),
                          "if that is meant, set insecure = true in [registries.\"" +
                              to.authority() + "\"] of config.toml");
    }
    if (from.host == to.host || config_.find(to.authority()) != nullptr) return;
    const AddressClass to_class = classify_host(to.host);
    if (!may_send_to(from_class, to_class)) {
        throw base::Error(
            where + "refused to go to the " + std::string(class_name(to_class)) + " address " +
                base::quote(to.authority()),
            "if that is meant, name it in config.toml: [registries.\"" + to.authority() + "\"]");
    }
}

base::Error describe_fault(const HttpOutcome& outcome, const Url& url, const Timing& timing) {
    const std::string host = base::quote(url.authority());
    const std::string detail = outcome.detail.empty() ? "" : ": " + outcome.detail;
    switch (outcome.fault) {
        case Fault::resolve:
            return base::Error("cannot find the host " + base::quote(url.host) + detail,
                               "check the registry's name and the resolver (/etc/resolv.conf)");
        case Fault::connect:
        case Fault::connect_timeout:
            return base::Error(
                "cannot connect to " + host + detail,
                url.authority() == "localhost"
                    ? "images that are made here are called localhost/NAME: "
                      "`sandbox images` lists those that exist"
                    : "check that the registry runs there and no firewall is between");
        case Fault::tls:
            return base::Error("tls: " + host + detail,
                               "a private authority's certificate is named by ca = \"FILE\" in "
                               "[registries.\"" +
                                   url.authority() + "\"] of config.toml");
        case Fault::not_tls:
            return base::Error("tls: " + host + " does not speak tls",
                               "if plain http is meant, set insecure = true in [registries.\"" +
                                   url.authority() + "\"] of config.toml");
        case Fault::tls_broken:
            return base::Error("tls: " + host + " did not finish the tls handshake" + detail,
                               "if plain http is meant, set insecure = true in [registries.\"" +
                                   url.authority() + "\"] of config.toml");
        case Fault::stalled:
            return base::Error("timeout: " + host + " sent less than " +
                               std::to_string(timing.low_speed_bytes) + " bytes/s for " +
                               std::to_string(timing.low_speed.count()) + " s");
        case Fault::cut:
            return base::Error("truncated: the connection to " + host + " ended early" + detail);
        case Fault::no_reply:
            return base::Error(host + " closed the connection without an answer" + detail,
                               outcome.handshake_done
                                   ? "if it wants a client certificate, set client_cert in "
                                     "[registries.\"" +
                                         url.authority() + "\"] of config.toml"
                                   : "");
        case Fault::protocol:
            return base::Error("bad http answer from " + host + detail);
        case Fault::refused_address:
            return base::Error("refused address" + detail,
                               "if that is meant, name it in config.toml: [registries.\"" +
                                   url.authority() + "\"]");
        default:
            return base::Error("request to " + host + " failed" + detail);
    }
}

}  // namespace sandbox::registry
