// The keys that end an attachment and leave the container running. Pure.
#pragma once

#include <string>
#include <string_view>

namespace sandbox::engine {

inline constexpr std::string_view kDefaultDetachKeys = "ctrl-p,ctrl-q";

// "ctrl-p,ctrl-q", "a,ctrl-@": one character or ctrl- and one of @ a-z [ \ ] ^ _ each → the bytes
// that a terminal sends for them. Empty: none. Throws UsageError (125).
[[nodiscard]] std::string parse_detach_keys(std::string_view text);

// Finds the keys in what is typed, over the bounds of reads. Keys that were begun and not finished
// are passed on after all.
class DetachScanner {
  public:
    explicit DetachScanner(std::string keys) : keys_(std::move(keys)) {}
    // What is to be passed on. Nothing more once detached().
    [[nodiscard]] std::string feed(std::string_view typed);
    [[nodiscard]] bool detached() const noexcept { return detached_; }

  private:
    std::string keys_;
    size_t matched_ = 0;
    bool detached_ = false;
};

}  // namespace sandbox::engine
