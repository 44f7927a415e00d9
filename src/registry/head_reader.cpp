#include "registry/head_reader.hpp"

#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

HeadReader::Result HeadReader::take_line(std::string_view line) {
    bytes_ += line.size();
    if (bytes_ > kMaxHeadBytes || head_.headers.size() >= kMaxHeaders) return Result::too_large;
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    if (line.empty()) return Result::complete;
    if (line.starts_with("HTTP/")) {
        head_ = HttpHead{};
        return Result::more;
    }
    const size_t colon = line.find(':');
    if (colon != line.npos) {
        head_.headers.emplace_back(base::to_lower(base::trim(line.substr(0, colon))),
                                   std::string(base::trim(line.substr(colon + 1))));
    }
    return Result::more;
}

bool HeadReader::has_ambiguous_length() const {
    size_t lengths = 0;
    std::string_view first;
    for (const auto& [name, value] : head_.headers) {
        if (name != "content-length") continue;
        if (lengths++ > 0 && value != first) return true;
        first = value;
    }
    return lengths > 0 && head_.has("transfer-encoding");
}

Fault handshake_fault(std::string_view text) noexcept {
    for (const std::string_view sign :
         {"wrong version number", "unknown protocol", "packet length too long", "http request"}) {
        if (text.find(sign) != text.npos) return Fault::not_tls;
    }
    for (const std::string_view sign :
         {"SSL_ERROR_SYSCALL", "SSL_ERROR_ZERO_RETURN", "unexpected eof", "reset by peer"}) {
        if (text.find(sign) != text.npos) return Fault::tls_broken;
    }
    return Fault::tls;
}

std::string tidy_text(std::string_view text) {
    std::string out = base::escape_control(text);
    if (out.size() > 1 && out[0] >= 'A' && out[0] <= 'Z' && !(out[1] >= 'A' && out[1] <= 'Z')) {
        out[0] = static_cast<char>(out[0] - 'A' + 'a');
    }
    while (!out.empty() && (out.back() == '.' || out.back() == '\n')) out.pop_back();
    return out;
}

bool may_connect(const HttpRequest& request, const IpAddress& address) noexcept {
    // Through a proxy the peer is the proxy, which the user chose.
    return !request.sent_by || !request.proxy.empty() ||
           may_send_to(*request.sent_by, classify(address));
}

std::string refusal_text(const HttpRequest& request, const IpAddress& address) {
    return base::quote(request.url.authority()) + " is at a " +
           std::string(class_name(classify(address))) + " address";
}

}  // namespace sandbox::registry
