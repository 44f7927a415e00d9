// --log-driver and --log-opt, and how `inspect` shows them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::engine {

struct LogWords {
    std::string driver;                          // as typed, or what it is without
    std::map<std::string, std::string> options;  // as typed, the last one of a name
    store::LogOptions log;
};

// Relative paths start at `current_dir`. Throws UsageError (125).
[[nodiscard]] LogWords parse_log_flags(const std::optional<std::string>& driver,
                                       const std::vector<std::string>& options,
                                       const std::string& current_dir);

// The record's members "log_driver", "log_options" and "log".
void save_log_words(base::json::Object& record, const LogWords& words);
// .HostConfig.LogConfig: {Type, Path, Config}. `container_dir`: absolute.
[[nodiscard]] base::json::Value log_config_document(const base::json::Value& record,
                                                    const std::string& container_dir);

}  // namespace sandbox::engine
