// The HTTP seam: one request → one response as a stream. No redirects, no authentication, no
// retries: those are decided above. Faked in unit tests; curl_transport.cpp is the real one.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/address.hpp"
#include "registry/url.hpp"

namespace sandbox::registry {

struct TlsOptions {
    bool verify = true;
    std::string ca_file;      // a bundle; empty: none
    std::string ca_dir;       // hashed names; empty: none
    std::string ca_pem;       // certificates as text, instead of ca_file
    std::string client_cert;  // path; empty: none
    std::string client_key;
};

struct Timing {
    std::chrono::milliseconds connect{8000};
    std::uint32_t low_speed_bytes = 1024;  // per second; slower than that for low_speed ⇒ stalled
    std::chrono::seconds low_speed{60};
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method = "GET";  // GET or POST
    Url url;
    Headers headers;
    std::string body;                       // POST only
    std::shared_ptr<const TlsOptions> tls;  // null: http, or the defaults
    std::string proxy;                      // URL; empty: none. May hold a password: never shown
    // Set when a server of that class sent us here: only peers that it may name are connected to.
    std::optional<AddressClass> sent_by;
    Timing timing;
};

struct HttpHead {
    int status = 0;
    Headers headers;  // names in lower case
    // The first header of that name; "" when missing.
    [[nodiscard]] std::string_view find(std::string_view name) const noexcept;
    [[nodiscard]] bool has(std::string_view name) const noexcept;
};

enum class Fault {
    none,
    resolve,  // no such host, or no answer from the name servers
    connect,  // refused or unreachable
    connect_timeout,
    tls,              // certificate, version or handshake
    not_tls,          // the server speaks something else
    tls_broken,       // the handshake was cut short or never ended
    stalled,          // low-speed rule
    cut,              // the connection ended before the message did
    no_reply,         // closed before the first byte of an answer
    protocol,         // not HTTP as we accept it
    refused_address,  // see HttpRequest::sent_by
    stopped,          // by the handler
    other,
};

struct HttpOutcome {
    Fault fault = Fault::none;
    std::string detail;                // human words; lower case, no full stop
    std::optional<AddressClass> peer;  // absent: never connected, or through a proxy
    bool handshake_done = false;       // TLS was spoken
    std::exception_ptr thrown;         // what the handler threw
};

enum class Flow { go_on, stop };

// Called from Transport::step() only. May throw: that ends the transfer with Fault::stopped.
class HttpHandler {
  public:
    virtual ~HttpHandler() = default;
    virtual Flow on_head(const HttpHead& head) = 0;  // once; the final response's
    virtual Flow on_data(std::string_view bytes) = 0;
    virtual void on_done(HttpOutcome outcome) noexcept = 0;  // exactly once, unless cancelled
};

class Transport {
  public:
    using Id = std::uint64_t;
    virtual ~Transport() = default;
    // `handler` is borrowed until its on_done() or cancel().
    virtual Id start(HttpRequest request, HttpHandler& handler) = 0;
    virtual void cancel(Id id) noexcept = 0;
    // Moves transfers on; waits up to `timeout` for the network or for `extra` (revents are set).
    virtual void step(std::chrono::milliseconds timeout, std::span<pollfd> extra) = 0;
};

[[nodiscard]] std::unique_ptr<Transport> make_curl_transport();
// "libcurl/7.88.1 OpenSSL/3.0.17 …", for version listings.
[[nodiscard]] std::string transport_version();

}  // namespace sandbox::registry
