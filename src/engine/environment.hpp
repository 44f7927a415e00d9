// The payload's environment: only what the image, the flags and we say; nothing is inherited.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/engine/env_file.hpp"

namespace sandbox::engine {

[[nodiscard]] HostEnvironment process_environment();

// Variables in order of first appearance; setting again changes the value in place.
class Environment {
  public:
    void set(std::string name, std::string value);
    void set_default(std::string name, std::string value);  // only when not there yet
    void unset(std::string_view name);
    void clear() { variables_.clear(); }
    [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
    [[nodiscard]] std::vector<std::string> list() const;  // "NAME=value"

  private:
    std::vector<std::pair<std::string, std::string>> variables_;
};

// "NAME=value", or "NAME": the caller's value, absent when he has none. Throws UsageError (125).
[[nodiscard]] std::optional<EnvAssignment> parse_env_flag(std::string_view text,
                                                          const HostEnvironment& host);
// Reads and parses. At most 16 MiB; a regular file or a pipe ("-" is not special).
[[nodiscard]] std::vector<EnvAssignment> load_env_file(const std::string& path,
                                                       const HostEnvironment& host);
// "key=value" or "key" a line, # comments; answers the lines. Throws like parse_env_file.
[[nodiscard]] std::vector<std::string> load_label_file(const std::string& path);

}  // namespace sandbox::engine
