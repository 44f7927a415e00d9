// A response's head from its lines, within bounds; and the words of faults. Knows no HTTP library.
#pragma once

#include <string>
#include <string_view>

#include "registry/transport.hpp"

namespace sandbox::registry {

// A head beyond this is an attack, not a registry.
inline constexpr size_t kMaxHeadBytes = 128 * 1024;
inline constexpr size_t kMaxHeaders = 256;

class HeadReader {
  public:
    enum class Result { more, complete, too_large };
    // One line with its line end. A new status line starts the head again (interim answers); the
    // bound holds over all of them together.
    Result take_line(std::string_view line);
    [[nodiscard]] HttpHead& head() noexcept { return head_; }
    // Two ways to say where a body ends are one too many: RFC 9112, section 6.3 (smuggling).
    [[nodiscard]] bool has_ambiguous_length() const;

  private:
    HttpHead head_;
    size_t bytes_ = 0;
};

// What a failed handshake was about, by OpenSSL's words.
[[nodiscard]] Fault handshake_fault(std::string_view text) noexcept;
// A library's text as our messages are: first letter small, no full stop, no control bytes.
[[nodiscard]] std::string tidy_text(std::string_view text);
// Whether `request` may go to a peer at `address`: see HttpRequest::sent_by.
[[nodiscard]] bool may_connect(const HttpRequest& request, const IpAddress& address) noexcept;
[[nodiscard]] std::string refusal_text(const HttpRequest& request, const IpAddress& address);

}  // namespace sandbox::registry
