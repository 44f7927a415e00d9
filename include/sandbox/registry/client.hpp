// A registry: manifests and blobs by OCI distribution and docker v2. Knows mirrors, tokens and
// credentials; never writes to disk. Everything from the network is hostile and bounded.
#pragma once

#include <sys/types.h>

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/oci/digest.hpp"
#include "sandbox/oci/reference.hpp"

namespace sandbox::registry {

struct FetchedManifest {
    std::string body;  // at most oci::kMaxManifestBytes
    std::string content_type;
    oci::Digest digest;  // computed from the body; equals the reference's digest when it has one
};

struct BlobRequest {
    oci::Reference repository;  // whose repository holds the blob
    oci::Digest digest;
    std::uint64_t size_bytes = 0;    // of the descriptor; more is an error at size+1
    std::uint64_t offset_bytes = 0;  // resume here
    // Bytes in order. Called from step(); an Error thrown here fails this transfer.
    std::function<void(std::string_view)> on_data;
    // The server does not resume: what came so far is void, bytes start at 0 again.
    std::function<void()> on_restart;
    // Exactly once; the error is empty on success (all size_bytes delivered).
    std::function<void(std::exception_ptr)> on_done;
};

class Client {
  public:
    Client();  // reads config.toml and auth files on first need; no network
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // By digest when the reference has one, else by tag. Mirrors first. One request when no
    // authentication is needed. Throws NotFoundError, Error (with hints), IntegrityError.
    [[nodiscard]] FetchedManifest fetch_manifest(const oci::Reference& reference);

    // A small blob (a config) whole, digest and size verified; one more try when the digest is
    // wrong. Must not be larger than oci::kMaxConfigBytes. Throws as fetch_manifest.
    [[nodiscard]] std::string fetch_blob(const oci::Reference& repository,
                                         const oci::Digest& digest, std::uint64_t size_bytes);

    // Transfers run together over kept-alive connections; at most `parallel` at a time.
    void start_blob(BlobRequest request);
    void cancel_all() noexcept;  // no callback comes after it
    // Moves transfers on and waits up to `timeout` for network or for `extra` (revents are set).
    // Answers whether transfers remain.
    bool step(std::chrono::milliseconds timeout, std::span<pollfd> extra = {});
    void set_parallel(int transfers) noexcept;  // default 6

    // Borrowed; -1: none. As soon as it is readable (a signalfd), calls that wait throw Error
    // "interrupted" with code 130; nothing is read from it.
    void set_interrupt_fd(int fd) noexcept;

    // `login`: verifies against the registry, then stores. `logout` removes.
    void login(const std::string& registry, const std::string& user, const std::string& password);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The stored user name for `registry`, for `login --get-login`.
[[nodiscard]] std::optional<std::string> try_stored_login(const std::string& registry);
// False: was not logged in. `all`: every registry.
bool logout(const std::string& registry, bool all);
// The HTTP library with its TLS and resolver, for version listings.
[[nodiscard]] std::string http_library_version();

}  // namespace sandbox::registry
