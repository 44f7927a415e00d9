// Which proxy a URL goes through, by the usual environment variables.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "registry/url.hpp"

namespace sandbox::registry {

using Environment = std::function<std::optional<std::string>(const char* name)>;

// http_proxy (lower case only: a CGI's HTTP_PROXY is a request header, CVE-2016-5385), https_proxy,
// HTTPS_PROXY, all_proxy, ALL_PROXY; no_proxy, NO_PROXY: "*", host names with their subdomains,
// addresses, CIDR blocks, each with :port or without. Loopback is never proxied.
// Empty: none. Throws Error on a proxy that is no URL; the value is not shown.
[[nodiscard]] std::string proxy_for(const Url& url, const Environment& environment);
// Does an entry list as in no_proxy cover `url`?
[[nodiscard]] bool is_excluded(const Url& url, const std::string& no_proxy);

}  // namespace sandbox::registry
