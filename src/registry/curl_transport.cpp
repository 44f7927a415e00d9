// The only user of libcurl. One multi handle: connections are kept alive and shared by all
// transfers. Nothing of curl or OpenSSL is touched before the first request.
#include <curl/curl.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "registry/head_reader.hpp"
#include "registry/transport.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::registry {

namespace {

constexpr const char* kHeadTooLarge = "the answer's head is too large";
constexpr long kReceiveBufferBytes = 256 * 1024;
// TLS 1.2 and later; level 2 refuses SHA-1 signatures and keys below 112 bits of strength.
constexpr const char* kCiphers = "DEFAULT:@SECLEVEL=2";

template <auto release>
struct Deleter {
    void operator()(auto* handle) const noexcept { release(handle); }
};
using EasyHandle = std::unique_ptr<CURL, Deleter<&curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, Deleter<&curl_multi_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, Deleter<&curl_slist_free_all>>;

struct Transfer {
    Transport::Id id = 0;
    HttpRequest request;
    HttpHandler* handler = nullptr;
    EasyHandle easy;
    HeaderList headers;
    HeadReader reader;
    bool head_delivered = false;
    Fault own_fault = Fault::none;  // what we found wrong ourselves, inside a callback
    std::string own_detail;
    std::exception_ptr thrown;
    char error_text[CURL_ERROR_SIZE] = {};

    void fail(Fault fault, std::string detail) {
        if (own_fault != Fault::none) return;
        own_fault = fault;
        own_detail = std::move(detail);
    }
};

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(easy, option, value);
    if (code != CURLE_OK) {
        throw base::Error(std::string("set up a transfer: ") + curl_easy_strerror(code));
    }
}

Flow deliver_head(Transfer& transfer) {
    long status = 0;
    (void)curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status >= 100 && status < 200) return Flow::go_on;
    if (transfer.reader.has_ambiguous_length()) {
        transfer.fail(Fault::protocol, "both content-length and transfer-encoding");
        return Flow::stop;
    }
    transfer.reader.head().status = static_cast<int>(status);
    transfer.head_delivered = true;
    return transfer.handler->on_head(transfer.reader.head());
}

size_t on_header(char* data, size_t size, size_t count, void* user) noexcept {
    Transfer& transfer = *static_cast<Transfer*>(user);
    const size_t bytes = size * count;
    try {
        const HeadReader::Result result = transfer.reader.take_line({data, bytes});
        if (result == HeadReader::Result::too_large) {
            transfer.fail(Fault::protocol, kHeadTooLarge);
            return 0;
        }
        // Trailers of a chunked body come here too, after the head was delivered.
        if (transfer.head_delivered || result == HeadReader::Result::more) return bytes;
        if (deliver_head(transfer) == Flow::go_on) return bytes;
        transfer.fail(Fault::stopped, {});
    } catch (...) {
        transfer.thrown = std::current_exception();
        transfer.fail(Fault::stopped, {});
    }
    return 0;
}

size_t on_body(char* data, size_t size, size_t count, void* user) noexcept {
    Transfer& transfer = *static_cast<Transfer*>(user);
    const size_t bytes = size * count;
    try {
        if (!transfer.head_delivered) {
            transfer.fail(Fault::protocol, "a body without a head");
            return 0;
        }
        if (transfer.handler->on_data({data, bytes}) == Flow::go_on) return bytes;
        transfer.fail(Fault::stopped, {});
    } catch (...) {
        transfer.thrown = std::current_exception();
        transfer.fail(Fault::stopped, {});
    }
    return bytes == 0 ? 1 : 0;  // anything but `bytes` ends the transfer
}

void note_refusal(Transfer& transfer, const IpAddress& address) noexcept {
    try {
        transfer.fail(Fault::refused_address, refusal_text(transfer.request, address));
    } catch (...) {
        transfer.own_fault = Fault::refused_address;
    }
}

// Checked here, not by name: whatever a resolver answered is judged before a packet is sent.
curl_socket_t on_open_socket(void* user, curlsocktype /*purpose*/, curl_sockaddr* to) noexcept {
    Transfer& transfer = *static_cast<Transfer*>(user);
    const auto address = try_from_sockaddr(&to->addr, to->addrlen);
    if (!address || !may_connect(transfer.request, *address)) {
        if (address) note_refusal(transfer, *address);
        return CURL_SOCKET_BAD;
    }
    return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

// Also for connections that were opened by an earlier, less restricted request.
int on_before_request(void* user, char* peer_ip, char* /*local_ip*/, int /*peer_port*/,
                      int /*local_port*/) noexcept {
    Transfer& transfer = *static_cast<Transfer*>(user);
    if (peer_ip == nullptr) return CURL_PREREQFUNC_OK;
    const auto address = try_parse_address(peer_ip);
    if (!address || may_connect(transfer.request, *address)) return CURL_PREREQFUNC_OK;
    note_refusal(transfer, *address);
    return CURL_PREREQFUNC_ABORT;
}

// CURLE_OUT_OF_MEMORY is what curl says of a header line beyond its own bound.
constexpr std::pair<CURLcode, Fault> kFaults[] = {
    {CURLE_COULDNT_RESOLVE_HOST, Fault::resolve},  {CURLE_COULDNT_RESOLVE_PROXY, Fault::resolve},
    {CURLE_COULDNT_CONNECT, Fault::connect},       {CURLE_PEER_FAILED_VERIFICATION, Fault::tls},
    {CURLE_SSL_CERTPROBLEM, Fault::tls},           {CURLE_SSL_CIPHER, Fault::tls},
    {CURLE_SSL_CACERT_BADFILE, Fault::tls},        {CURLE_SSL_ISSUER_ERROR, Fault::tls},
    {CURLE_GOT_NOTHING, Fault::no_reply},          {CURLE_PARTIAL_FILE, Fault::cut},
    {CURLE_UNSUPPORTED_PROTOCOL, Fault::protocol}, {CURLE_WEIRD_SERVER_REPLY, Fault::protocol},
    {CURLE_OUT_OF_MEMORY, Fault::protocol}};

Fault fault_of(CURLcode code, const Transfer& transfer) noexcept {
    const std::string_view text = transfer.error_text;
    if (code == CURLE_OPERATION_TIMEDOUT) {
        curl_off_t sent_us = 0;
        (void)curl_easy_getinfo(transfer.easy.get(), CURLINFO_PRETRANSFER_TIME_T, &sent_us);
        if (text.find("esolv") != text.npos) return Fault::resolve;
        if (text.find("SSL") != text.npos) return Fault::tls_broken;
        return sent_us == 0 ? Fault::connect_timeout : Fault::stalled;
    }
    if (code == CURLE_SSL_CONNECT_ERROR) return handshake_fault(text);
    if (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR) {
        // TLS 1.3 tells of a refused client certificate only after the handshake.
        if (text.find("alert") != text.npos) return Fault::tls;
        return transfer.head_delivered ? Fault::cut : Fault::no_reply;
    }
    for (const auto& [known, fault] : kFaults) {
        if (known == code) return fault;
    }
    return Fault::other;
}

void set_basics(Transfer& transfer) {
    CURL* easy = transfer.easy.get();
    const HttpRequest& request = transfer.request;
    set(easy, CURLOPT_URL, request.url.str().c_str());
    set(easy, CURLOPT_PATH_AS_IS, 1L);
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    set(easy, CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
    set(easy, CURLOPT_ERRORBUFFER, transfer.error_text);
    // Never from the environment: proxy.cpp has read it.
    set(easy, CURLOPT_PROXY, request.proxy.c_str());
    set(easy, CURLOPT_NOPROXY, "");
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.timing.connect.count()));
    set(easy, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(request.timing.low_speed_bytes));
    set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.timing.low_speed.count()));
    if (request.method == "POST") {
        set(easy, CURLOPT_POST, 1L);
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        set(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    }
}

void set_callbacks(Transfer& transfer) {
    CURL* easy = transfer.easy.get();
    set(easy, CURLOPT_HEADERFUNCTION, &on_header);
    set(easy, CURLOPT_HEADERDATA, &transfer);
    set(easy, CURLOPT_WRITEFUNCTION, &on_body);
    set(easy, CURLOPT_WRITEDATA, &transfer);
    set(easy, CURLOPT_OPENSOCKETFUNCTION, &on_open_socket);
    set(easy, CURLOPT_OPENSOCKETDATA, &transfer);
    set(easy, CURLOPT_PREREQFUNCTION, &on_before_request);
    set(easy, CURLOPT_PREREQDATA, &transfer);
    set(easy, CURLOPT_PRIVATE, &transfer);
}

void set_tls(Transfer& transfer) {
    CURL* easy = transfer.easy.get();
    static const TlsOptions kDefaults;
    const TlsOptions& tls = transfer.request.tls ? *transfer.request.tls : kDefaults;
    set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(easy, CURLOPT_SSL_CIPHER_LIST, kCiphers);
    set(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    set(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    set(easy, CURLOPT_CAINFO, tls.ca_file.empty() ? nullptr : tls.ca_file.c_str());
    set(easy, CURLOPT_CAPATH, tls.ca_dir.empty() ? nullptr : tls.ca_dir.c_str());
    if (!tls.ca_pem.empty()) {
        // curl copies it.
        curl_blob blob{const_cast<char*>(tls.ca_pem.data()), tls.ca_pem.size(), CURL_BLOB_COPY};
        set(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (!tls.client_cert.empty()) {
        set(easy, CURLOPT_SSLCERT, tls.client_cert.c_str());
        set(easy, CURLOPT_SSLKEY,
            tls.client_key.empty() ? tls.client_cert.c_str() : tls.client_key.c_str());
    }
}

void set_headers(Transfer& transfer) {
    curl_slist* list = nullptr;
    const auto append = [&](const std::string& line) {
        curl_slist* longer = curl_slist_append(list, line.c_str());
        if (longer == nullptr) {
            curl_slist_free_all(list);
            throw std::bad_alloc();
        }
        list = longer;
    };
    for (const auto& [name, value] : transfer.request.headers) append(name + ": " + value);
    append("Expect:");  // no "100-continue" round trip for a token request
    transfer.headers.reset(list);
    set(transfer.easy.get(), CURLOPT_HTTPHEADER, list);
}

class CurlTransport final : public Transport {
  public:
    ~CurlTransport() override {
        for (auto& [id, transfer] : transfers_) detach(*transfer);
    }

    Id start(HttpRequest request, HttpHandler& handler) override {
        open_multi();
        auto transfer = std::make_unique<Transfer>();
        transfer->id = ++last_id_;
        transfer->request = std::move(request);
        transfer->handler = &handler;
        transfer->easy = take_easy();
        set_basics(*transfer);
        set_callbacks(*transfer);
        if (transfer->request.url.scheme == Scheme::https || !transfer->request.proxy.empty()) {
            set_tls(*transfer);
        }
        set_headers(*transfer);
        const CURLMcode code = curl_multi_add_handle(multi_.get(), transfer->easy.get());
        if (code != CURLM_OK) throw base::Error(curl_multi_strerror(code));
        const Id id = transfer->id;
        transfers_.emplace(id, std::move(transfer));
        return id;
    }

    void cancel(Id id) noexcept override {
        const auto it = transfers_.find(id);
        if (it == transfers_.end()) return;
        detach(*it->second);
        transfers_.erase(it);
    }

    void step(std::chrono::milliseconds timeout, std::span<pollfd> extra) override {
        if (!multi_) {
            (void)::poll(extra.data(), extra.size(), static_cast<int>(timeout.count()));
            return;
        }
        wait(timeout, extra);
        int running = 0;
        const CURLMcode code = curl_multi_perform(multi_.get(), &running);
        if (code != CURLM_OK) throw base::Error(curl_multi_strerror(code));
        finish_done();
    }

  private:
    void open_multi() {
        if (multi_) return;
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            throw base::Error("cannot initialise the http library");
        }
        multi_.reset(curl_multi_init());
        if (!multi_) throw std::bad_alloc();
        (void)curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING,
                                static_cast<long>(CURLPIPE_NOTHING));
    }

    EasyHandle take_easy() {
        if (!spare_.empty()) {
            EasyHandle easy = std::move(spare_.back());
            spare_.pop_back();
            return easy;
        }
        EasyHandle easy(curl_easy_init());
        if (!easy) throw std::bad_alloc();
        return easy;
    }

    void detach(Transfer& transfer) noexcept {
        (void)curl_multi_remove_handle(multi_.get(), transfer.easy.get());
        curl_easy_reset(transfer.easy.get());
        if (spare_.size() < 8) spare_.push_back(std::move(transfer.easy));
    }

    void wait(std::chrono::milliseconds timeout, std::span<pollfd> extra) {
        std::vector<curl_waitfd> fds(extra.size());
        for (size_t i = 0; i < extra.size(); ++i) {
            fds[i].fd = extra[i].fd;
            fds[i].events =
                static_cast<short>(((extra[i].events & POLLIN) ? CURL_WAIT_POLLIN : 0) |
                                   ((extra[i].events & POLLOUT) ? CURL_WAIT_POLLOUT : 0));
            extra[i].revents = 0;
        }
        const CURLMcode code =
            curl_multi_poll(multi_.get(), fds.data(), static_cast<unsigned>(fds.size()),
                            static_cast<int>(timeout.count()), nullptr);
        if (code != CURLM_OK) throw base::Error(curl_multi_strerror(code));
        // curl tells of POLLIN and POLLOUT only: ask once more, to see hang-ups too.
        if (!extra.empty()) (void)::poll(extra.data(), extra.size(), 0);
    }

    void finish_done() {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode code = message->data.result;
            char* pointer = nullptr;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
            const auto it = transfers_.find(reinterpret_cast<Transfer*>(pointer)->id);
            const std::unique_ptr<Transfer> transfer = std::move(it->second);
            transfers_.erase(it);
            HttpOutcome outcome = make_outcome(*transfer, code);
            detach(*transfer);
            transfer->handler->on_done(std::move(outcome));
        }
    }

    static HttpOutcome make_outcome(const Transfer& transfer, CURLcode code) {
        HttpOutcome outcome;
        outcome.thrown = transfer.thrown;
        curl_off_t handshake_us = 0;
        (void)curl_easy_getinfo(transfer.easy.get(), CURLINFO_APPCONNECT_TIME_T, &handshake_us);
        outcome.handshake_done = handshake_us > 0;
        char* ip = nullptr;
        (void)curl_easy_getinfo(transfer.easy.get(), CURLINFO_PRIMARY_IP, &ip);
        if (ip != nullptr && transfer.request.proxy.empty()) {
            if (const auto address = try_parse_address(ip)) outcome.peer = classify(*address);
        }
        if (code == CURLE_OK) {
            if (!transfer.head_delivered) outcome.fault = Fault::protocol;
            return outcome;
        }
        if (transfer.own_fault != Fault::none) {
            outcome.fault = transfer.own_fault;
            outcome.detail = transfer.own_detail;
            return outcome;
        }
        outcome.fault = fault_of(code, transfer);
        const char* text = transfer.error_text[0] ? transfer.error_text : curl_easy_strerror(code);
        outcome.detail = code == CURLE_OUT_OF_MEMORY ? kHeadTooLarge : tidy_text(text);
        return outcome;
    }

    MultiHandle multi_;
    std::unordered_map<Id, std::unique_ptr<Transfer>> transfers_;
    std::vector<EasyHandle> spare_;
    Id last_id_ = 0;
};

}  // namespace

std::unique_ptr<Transport> make_curl_transport() {
    return std::make_unique<CurlTransport>();
}

std::string transport_version() {
    return curl_version();
}

}  // namespace sandbox::registry
