#include "registry/ca_bundle.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <memory>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

constexpr size_t kMaxBundleBytes = 8u << 20;
constexpr size_t kMaxCertificateBytes = 1u << 20;

constexpr std::array kBundles = {
    "/etc/ssl/certs/ca-certificates.crt",                  // Debian, Ubuntu, Alpine, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",   // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",                    // older Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",                              // SUSE
    "/var/lib/ca-certificates/ca-bundle.pem",              // newer SUSE
    "/etc/pki/tls/cacert.pem",                             // OpenELEC
    "/etc/ssl/cert.pem",                                   // Alpine's libressl, BSD habits
    "/run/current-system/sw/etc/ssl/certs/ca-bundle.crt",  // NixOS
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",    // Arch
};
constexpr std::array kDirs = {
    "/etc/ssl/certs",                                  // Debian, SUSE, Alpine, Arch
    "/etc/pki/ca-trust/extracted/pem/directory-hash",  // newer Fedora
    "/var/lib/ca-certificates/openssl",                // SUSE
};

struct DirCloser {
    void operator()(DIR* dir) const noexcept { (void)closedir(dir); }
};

// "1a2b3c4d.0": what OpenSSL looks for.
bool is_hash_name(std::string_view name) noexcept {
    return name.size() == 10 && name.substr(8) == ".0" &&
           std::all_of(name.begin(), name.begin() + 8,
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool has_hashed_names(const std::string& path) {
    const std::unique_ptr<DIR, DirCloser> dir(opendir(path.c_str()));
    if (!dir) return false;
    while (const dirent* entry = readdir(dir.get())) {
        if (is_hash_name(entry->d_name)) return true;
    }
    return false;
}

std::vector<std::string> try_list(const std::string& path) {
    const auto dir = base::try_open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    return dir ? base::list_dir(dir->get()) : std::vector<std::string>();
}

void add_pem(std::string& all, const std::string& path, size_t limit) {
    const std::string text =
        base::with_context("certificates", [&] { return base::read_file(path, limit); });
    if (text.find("-----BEGIN ") == std::string::npos) {
        throw base::Error("certificates: " + base::quote(path) + " holds no PEM certificate");
    }
    if (!all.empty() && all.back() != '\n') all += '\n';
    all += text;
}

// certs.d as docker and podman read it (containers-certs.d(5)).
void add_certs_d(const std::string& dir, std::string& own_ca, TlsOptions& tls) {
    for (const std::string& name : try_list(dir)) {
        const std::string path = dir + "/" + name;
        if (name.ends_with(".crt")) {
            add_pem(own_ca, path, kMaxCertificateBytes);
        } else if (name.ends_with(".cert") && tls.client_cert.empty()) {
            const std::string key = path.substr(0, path.size() - 5) + ".key";
            if (!base::exists_at(AT_FDCWD, key)) {
                throw base::Error("client certificate " + base::quote(path) + " has no key",
                                  "the key is looked for in " + base::quote(key));
            }
            tls.client_cert = path;
            tls.client_key = key;
        }
    }
}

}  // namespace

CaLocation find_ca(const Environment& environment, const std::string& root) {
    CaLocation found;
    if (auto file = environment("SSL_CERT_FILE"); file && !file->empty()) found.file = *file;
    if (auto dir = environment("SSL_CERT_DIR"); dir && !dir->empty()) found.dir = *dir;
    if (!found.file.empty() || !found.dir.empty()) return found;
    for (const char* dir : kDirs) {
        if (has_hashed_names(root + dir)) {
            found.dir = root + dir;
            return found;
        }
    }
    for (const char* file : kBundles) {
        if (base::exists_at(AT_FDCWD, root + file)) {
            found.file = root + file;
            return found;
        }
    }
    return found;
}

TlsOptions tls_options_for(const std::string& authority, const RegistryConfig* registry,
                           const Environment& environment, const std::string& root) {
    TlsOptions tls;
    std::string own_ca;
    if (registry != nullptr) {
        tls.verify = !registry->insecure;
        tls.client_cert = registry->client_cert;
        tls.client_key = registry->client_key;
        if (!registry->ca.empty()) add_pem(own_ca, registry->ca, kMaxCertificateBytes);
    }
    std::vector<std::string> dirs = {root + "/etc/containers/certs.d/",
                                     root + "/etc/docker/certs.d/"};
    if (const auto home = environment("HOME"); home && !home->empty()) {
        dirs.insert(dirs.begin(), *home + "/.config/containers/certs.d/");
    }
    for (const std::string& dir : dirs) add_certs_d(dir + authority, own_ca, tls);

    const CaLocation system = find_ca(environment, root);
    tls.ca_dir = system.dir;
    tls.ca_file = system.file;
    if (!own_ca.empty()) {
        // Beside the system's, as docker does it.
        if (!system.file.empty()) add_pem(own_ca, system.file, kMaxBundleBytes);
        tls.ca_file.clear();
        tls.ca_pem = std::move(own_ca);
    }
    return tls;
}

}  // namespace sandbox::registry
