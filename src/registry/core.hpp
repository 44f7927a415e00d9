// What the door's Client is made of, with its three seams open: transport, clock, environment.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <string>

#include "registry/blob_transfer.hpp"
#include "registry/session.hpp"
#include "sandbox/registry/client.hpp"

namespace sandbox::registry {

class Core {
  public:
    Core(std::unique_ptr<Transport> transport, Config config, Environment environment,
         Clock clock = {});
    ~Core();
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    FetchedManifest fetch_manifest(const oci::Reference& reference);
    std::string fetch_blob(const oci::Reference& repository, const oci::Digest& digest,
                           std::uint64_t size_bytes);
    void start_blob(BlobRequest request);
    void cancel_all() noexcept;
    bool step(std::chrono::milliseconds timeout, std::span<pollfd> extra);
    void set_parallel(int transfers) noexcept;
    void set_interrupt_fd(int fd) noexcept { session_.set_interrupt_fd(fd); }
    void login(const std::string& registry, const std::string& user, const std::string& password);
    [[nodiscard]] Session& session() noexcept { return session_; }

  private:
    using Transfers = std::list<std::unique_ptr<BlobTransfer>>;
    void start_due();
    bool settle_answered();  // true: something ended
    [[nodiscard]] std::chrono::milliseconds wait_time(std::chrono::milliseconds timeout) const;
    FetchedManifest check_manifest(const oci::Reference& reference, Attempt attempt) const;

    std::unique_ptr<Transport> transport_;
    Session session_;
    size_t parallel_;
    Transfers transfers_;
};

// host[:port] as a user types it for login: "https://" and slashes around are forgiven.
// Throws UsageError.
[[nodiscard]] std::string parse_registry_name(const std::string& text);

}  // namespace sandbox::registry
