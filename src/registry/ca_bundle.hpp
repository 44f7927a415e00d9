// Where this machine keeps the certificates that TLS trusts, and what a host has of its own.
#pragma once

#include <string>

#include "registry/config.hpp"
#include "registry/proxy.hpp"
#include "registry/transport.hpp"

namespace sandbox::registry {

struct CaLocation {
    std::string file;  // a bundle of PEM certificates
    std::string dir;   // certificates under their subject hash (openssl-rehash(1))
};

// $SSL_CERT_FILE and $SSL_CERT_DIR, else the places of Debian, Fedora, SUSE, Alpine, Arch and
// others. A hashed directory is preferred: only the certificate that is needed is read.
// Both empty: nothing found. `root` is put before the built-in paths (tests).
[[nodiscard]] CaLocation find_ca(const Environment& environment, const std::string& root = {});

// For `authority` (host[:port]): config.toml's entry, then {~/.config/containers, /etc/containers,
// /etc/docker}/certs.d/AUTHORITY/{*.crt, *.cert + *.key}, added to the system's. Throws Error when
// a file that is named cannot be read.
[[nodiscard]] TlsOptions tls_options_for(const std::string& authority,
                                         const RegistryConfig* registry,
                                         const Environment& environment,
                                         const std::string& root = {});

}  // namespace sandbox::registry
