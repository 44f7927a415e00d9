// --restart: whether a container that ended is started again, and when. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox::engine {

struct RestartPolicy {
    enum class Kind { no, on_failure, always, unless_stopped };
    Kind kind = Kind::no;
    std::uint32_t max_retries = 0;  // on_failure; 0: no limit
    bool operator==(const RestartPolicy&) const = default;
};

// "no", "on-failure[:N]", "always", "unless-stopped". Throws UsageError (125).
[[nodiscard]] RestartPolicy parse_restart_policy(std::string_view text);
[[nodiscard]] std::string_view policy_name(RestartPolicy::Kind kind) noexcept;
// As it is typed: "on-failure:3".
[[nodiscard]] std::string format_restart_policy(const RestartPolicy& policy);

// How long to wait before the next start: 100 ms, doubled each time up to a minute; back to the
// beginning after a life of ten seconds. So a container that dies at once is started less than ten
// times in its first minute.
class RestartBackoff {
  public:
    [[nodiscard]] std::chrono::milliseconds next(std::chrono::nanoseconds life) noexcept;
    void reset() noexcept { delay_ = kFirst; }

  private:
    static constexpr std::chrono::milliseconds kFirst{100};
    static constexpr std::chrono::milliseconds kLongest{60'000};
    static constexpr std::chrono::seconds kGoodLife{10};
    std::chrono::milliseconds delay_ = kFirst;
};

// `failures`: starts since the last success, this one's end not counted.
[[nodiscard]] bool wants_restart(const RestartPolicy& policy, int exit_code, bool stopped_by_user,
                                 std::uint32_t failures) noexcept;

}  // namespace sandbox::engine
