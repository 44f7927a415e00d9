// One blob on its way: streams to the caller, resumes by Range, restarts when the server does not.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include "registry/exchange.hpp"
#include "sandbox/registry/client.hpp"

namespace sandbox::registry {

class BlobTransfer final : public HttpHandler {
  public:
    BlobTransfer(Session& session, BlobRequest request);
    ~BlobTransfer() override;
    BlobTransfer(const BlobTransfer&) = delete;
    BlobTransfer& operator=(const BlobTransfer&) = delete;

    enum class State { waiting, running, answered, ended };
    [[nodiscard]] State state() const noexcept { return state_; }
    // When `waiting`: not before this moment.
    [[nodiscard]] std::chrono::steady_clock::time_point due() const noexcept { return due_; }
    void start();   // waiting → running (or ended)
    void settle();  // answered → waiting or ended; may fetch a token
    // Ended: calls on_done, once. Must be the last call.
    void report();

    Flow on_head(const HttpHead& head) override;
    Flow on_data(std::string_view bytes) override;
    void on_done(HttpOutcome outcome) noexcept override;

  private:
    void judge();
    void begin_again();  // from byte 0
    void check_range(const HttpHead& head) const;
    void check_length(const HttpHead& head, std::uint64_t wanted) const;
    [[nodiscard]] std::string size_words(std::uint64_t got) const;

    Session& session_;
    BlobRequest request_;
    Exchange exchange_;
    State state_ = State::waiting;
    std::chrono::steady_clock::time_point due_;
    Transport::Id transfer_ = 0;
    Attempt attempt_;
    std::uint64_t received_;       // from the blob's start
    std::uint64_t progress_mark_;  // the farthest where failures were counted from zero
    bool sent_range_ = false;
    bool streaming_ = false;             // this attempt's body is the blob's
    std::exception_ptr consumer_error_;  // the caller's: no other try
    std::exception_ptr error_;
};

}  // namespace sandbox::registry
