#include "sandbox/registry/client.hpp"

#include <algorithm>

#include "registry/core.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"

namespace sandbox::registry {

namespace {

// base::try_env takes empty for unset, which is what all of these variables mean.
const Environment kProcessEnvironment = [](const char* name) { return base::try_env(name); };

}  // namespace

struct Client::Impl {
    std::unique_ptr<Core> core;
    std::optional<int> parallel;
    int interrupt_fd = -1;

    // config.toml is read here, on first need.
    Core& get() {
        if (!core) {
            core =
                std::make_unique<Core>(make_curl_transport(), load_config(), kProcessEnvironment);
            core->set_interrupt_fd(interrupt_fd);
            if (parallel) core->set_parallel(*parallel);
        }
        return *core;
    }
};

Client::Client() : impl_(std::make_unique<Impl>()) {}
Client::~Client() = default;

FetchedManifest Client::fetch_manifest(const oci::Reference& reference) {
    return impl_->get().fetch_manifest(reference);
}

std::string Client::fetch_blob(const oci::Reference& repository, const oci::Digest& digest,
                               std::uint64_t size_bytes) {
    return impl_->get().fetch_blob(repository, digest, size_bytes);
}

void Client::start_blob(BlobRequest request) {
    impl_->get().start_blob(std::move(request));
}

void Client::cancel_all() noexcept {
    if (impl_->core) impl_->core->cancel_all();
}

bool Client::step(std::chrono::milliseconds timeout, std::span<pollfd> extra) {
    return impl_->get().step(timeout, extra);
}

void Client::set_parallel(int transfers) noexcept {
    impl_->parallel = transfers;
    if (impl_->core) impl_->core->set_parallel(transfers);
}

void Client::set_interrupt_fd(int fd) noexcept {
    impl_->interrupt_fd = fd;
    if (impl_->core) impl_->core->set_interrupt_fd(fd);
}

void Client::login(const std::string& registry, const std::string& user,
                   const std::string& password) {
    impl_->get().login(parse_registry_name(registry), user, password);
}

std::optional<std::string> try_stored_login(const std::string& registry) {
    Credentials credentials(kProcessEnvironment);
    const auto found = credentials.try_find(parse_registry_name(registry), {});
    if (!found) return std::nullopt;
    return found->user.empty() ? "<token>" : found->user;
}

bool logout(const std::string& registry, bool all) {
    Credentials credentials(kProcessEnvironment);
    if (all) return credentials.remove_all();
    const std::string name = parse_registry_name(registry);
    const bool removed = credentials.remove(name);
    for (const std::string& path : foreign_auth_paths(kProcessEnvironment)) {
        const auto file = try_load_foreign_auth_file(path);
        if (file && file->try_find(name, {})) {
            base::log::notice("a login for " + base::quote(name) + " is also in " +
                              base::quote(path) + ", which is left as it is");
        }
    }
    return removed;
}

std::string http_library_version() {
    return transport_version();
}

}  // namespace sandbox::registry
