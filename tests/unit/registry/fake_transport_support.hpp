// A transport whose answers a test writes down: by URL, in order. Its clock moves only when
// somebody waits, so that back-off costs no time.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "registry/core.hpp"

namespace sandbox::test {

struct FakeAnswer {
    int status = 200;
    registry::Headers headers;
    std::string body;
    registry::Fault fault = registry::Fault::none;  // after the body; without status: instead
    std::optional<registry::AddressClass> peer = std::nullopt;
};

class FakeTransport final : public registry::Transport {
  public:
    struct World {
        std::map<std::string, std::deque<FakeAnswer>> answers;  // by URL; the last one stays
        std::vector<registry::HttpRequest> requests;
        std::chrono::steady_clock::time_point now{};
        std::int64_t unix_now = 1'700'000'000;  // the wall clock, which a test may make jump
        std::vector<std::chrono::milliseconds> waits;
    };
    explicit FakeTransport(World& world) : world_(world) {}

    Id start(registry::HttpRequest request, registry::HttpHandler& handler) override;
    void cancel(Id id) noexcept override { pending_.erase(id); }
    void step(std::chrono::milliseconds timeout, std::span<pollfd> extra) override;

  private:
    struct Pending {
        FakeAnswer answer;
        registry::HttpHandler* handler;
    };
    static void deliver(const Pending& pending);
    World& world_;
    std::map<Id, Pending> pending_;
    Id last_ = 0;
};

// A Core over it, with the given config.toml; no environment, so no auth files.
struct FakeWorld : FakeTransport::World {
    explicit FakeWorld(const std::string& config = {});
    std::unique_ptr<registry::Core> core;
    // "GET url" of each request.
    [[nodiscard]] std::vector<std::string> urls() const;
    [[nodiscard]] std::string header(size_t request, std::string_view name) const;
};

}  // namespace sandbox::test
