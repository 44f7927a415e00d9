// One resource's way to its answer: which endpoint, scheme, login, redirect and try comes next.
// Pure of I/O except for tokens; the same rules serve manifests (waited for) and blobs (stepped).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "registry/session.hpp"
#include "sandbox/oci/reference.hpp"

namespace sandbox::registry {

struct Resource {
    oci::Reference repository;
    std::string path;  // below the repository: "manifests/latest"
    std::string what;  // for messages: "manifest of \"…\""
    Headers headers;
};

class Exchange {
  public:
    Exchange(Session& session, Resource resource);

    // To be sent after delay(). May be called again for the same try.
    [[nodiscard]] HttpRequest next_request();
    [[nodiscard]] std::chrono::milliseconds delay() const noexcept { return delay_; }

    enum class Verdict { answered, again };
    // `answered`: status 200 or 206, whole. Throws the error when there is nothing left to try.
    Verdict judge(const Attempt& attempt);
    // What the last answer held is no good (size, digest, range): the next endpoint, or `error`.
    void reject(const std::exception_ptr& error);
    // Enough came to count further failures, and tokens that run out, from zero.
    void note_progress() noexcept {
        failures_ = 0;
        rounds_ = 0;
    }
    // Content has come: from now on a lost connection is a mishap, not a wrong address.
    void note_bytes() noexcept { moved_ = true; }
    [[nodiscard]] const Url& url() const noexcept { return url_; }

  private:
    Endpoint& endpoint() noexcept { return *endpoints_[index_]; }
    std::string repository_path() const;
    void restart_at_endpoint();
    bool try_other_scheme(const Attempt& attempt);
    Verdict next_endpoint(const std::exception_ptr& error);
    Verdict next_endpoint(const base::Error& error);
    Verdict judge_fault(const Attempt& attempt);
    Verdict judge_status(const Attempt& attempt);
    Verdict follow(const Attempt& attempt);
    Verdict log_in(const Attempt& attempt);
    Verdict try_later(const base::Error& error, std::optional<std::chrono::seconds> asked);
    base::Error describe_status(const Attempt& attempt) const;

    Session& session_;
    Resource resource_;
    std::vector<Endpoint*> endpoints_;
    size_t index_ = 0;
    Url url_;                              // where the next request goes
    std::optional<AddressClass> sent_by_;  // of the server that sent us there
    bool left_origin_ = false;             // no login any more, even if we are sent back
    int hops_ = 0;
    int rounds_ = 0;    // of 401
    int failures_ = 0;  // in a row, at this endpoint
    bool long_wait_used_ = false;
    bool moved_ = false;
    std::string used_authorization_;
    std::optional<Attempt> first_scheme_failure_;
    std::chrono::milliseconds delay_{0};
};

}  // namespace sandbox::registry
