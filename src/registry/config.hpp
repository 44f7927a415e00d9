// config.toml, as far as registries are concerned:
//   [network]                          connect_timeout_seconds, low_speed_seconds, low_speed_bytes,
//                                      retries, retry_delay_seconds, retry_after_cap_seconds,
//                                      parallel_downloads
//   [registries."host[:port]"]         insecure, mirrors, ca, client_cert, client_key, auth_hosts
// Unknown keys are errors with their place and the nearest known key.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "registry/retry.hpp"
#include "registry/transport.hpp"

namespace sandbox::registry {

struct RegistryConfig {
    bool insecure = false;  // any certificate, and plain http where TLS is not spoken
    std::vector<std::string>
        mirrors;  // host[:port][/prefix], asked in this order before the origin
    std::string ca;
    std::string client_cert;
    std::string client_key;
    std::vector<std::string> auth_hosts;  // token servers that may get this registry's login
};

struct Config {
    Timing timing;
    RetryPolicy retry;
    int parallel_downloads = 6;
    std::map<std::string, RegistryConfig> registries;  // by host[:port], lower case

    // Null when nothing is said about it.
    [[nodiscard]] const RegistryConfig* find(std::string_view authority) const;
};

// Throws UsageError "FILE:LINE:COLUMN: why".
[[nodiscard]] Config parse_config(std::string_view text, const std::string& file_name);
// $XDG_CONFIG_HOME/sandbox/config.toml; the defaults when it is not there.
[[nodiscard]] Config load_config();

}  // namespace sandbox::registry
