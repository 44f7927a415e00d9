#include "engine/flags/log_flags.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/flags/flag_error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/logs.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

// Docker's own word for files in a form that nobody else reads, made for speed.
constexpr const char* kDefaultDriver = "local";
constexpr const char* kTextDriver = "k8s-file";
constexpr const char* kNone = "none";
// json-file is the text, too: whoever says it may look into the file.
constexpr std::array<std::string_view, 3> kFileDrivers = {"k8s-file", "json-file", "local"};
// They change nothing about which lines are kept.
constexpr std::array<std::string_view, 9> kHarmless = {"tag",  "labels",          "labels-regex",
                                                       "env",  "env-regex",       "compress",
                                                       "mode", "max-buffer-size", "size"};
constexpr std::uint64_t kMinSize = 4096;
constexpr std::uint64_t kMaxFiles = 1000;

template <typename List>
bool contains(const List& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

std::uint64_t parse_size(const std::string& text, const std::string& value) {
    const auto size = base::try_parse_size_bytes(value);
    if (!size || *size < kMinSize) {
        throw_bad_flag("--log-opt", text, "max-size must be a size of 4k at least");
    }
    return *size;
}

std::uint32_t parse_files(const std::string& text, const std::string& value) {
    const auto files = base::try_parse_u64(value);
    if (!files || *files < 1 || *files > kMaxFiles) {
        throw_bad_flag("--log-opt", text, "max-file must be a number from 1 to 1000");
    }
    return static_cast<std::uint32_t>(*files);
}

std::string parse_path(const std::string& text, const std::string& value,
                       const std::string& current_dir) {
    if (value.empty() || value.ends_with('/')) {
        throw_bad_flag("--log-opt", text, "path must name a file");
    }
    return value.front() == '/' ? value : current_dir + "/" + value;
}

void take_option(LogWords& words, const std::string& text, const std::string& current_dir) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) throw_bad_flag("--log-opt", text, "use NAME=VALUE");
    const std::string name = text.substr(0, equals);
    const std::string value = text.substr(equals + 1);
    if (name == "max-size") {
        words.log.max_size_bytes = parse_size(text, value);
        // Without max-file it bounds all of the log, as docker's does.
        if (!words.options.contains("max-file")) words.log.max_files = 1;
    } else if (name == "max-file") {
        words.log.max_files = parse_files(text, value);
    } else if (name == "path") {
        words.log.path = parse_path(text, value, current_dir);
    } else if (!contains(kHarmless, name)) {
        throw_bad_flag("--log-opt", text, "unknown log opt; use max-size, max-file, path or tag");
    }
    words.options[name] = value;
}

}  // namespace

bool is_log_driver(std::string_view word) noexcept {
    return word.empty() || word == kNone || contains(kFileDrivers, word);
}

LogWords parse_log_flags(const std::optional<std::string>& driver,
                         const std::vector<std::string>& options, const std::string& current_dir) {
    LogWords words;
    words.driver = kDefaultDriver;
    if (driver && !driver->empty()) words.driver = *driver;
    if (words.driver == kNone) {
        words.log.enabled = false;
    } else if (!is_log_driver(words.driver)) {
        throw_bad_flag("--log-driver", words.driver,
                       "logs are kept in files: use local, k8s-file, json-file or none");
    }
    for (const std::string& text : options) take_option(words, text, current_dir);
    if (!words.log.path.empty() && words.driver == kDefaultDriver) {
        if (driver && !driver->empty()) {
            throw_bad_flag("--log-driver", words.driver, "has no path",
                           "use --log-driver k8s-file with --log-opt path=FILE");
        }
        words.driver = kTextDriver;  // whoever wants it elsewhere wants to read it
    }
    if (words.driver == kDefaultDriver) words.log.form = store::LogForm::chunks;
    return words;
}

void save_log_words(json::Object& record, const LogWords& words) {
    record["log_driver"] = words.driver;
    record["log_options"] = words.options;
    record["log"] = store::to_json(words.log);
}

json::Value log_config_document(const json::Value& record, const std::string& container_dir) {
    const store::LogOptions options = store::log_options_from(record["log"]);
    const json::Value& config = record["log_options"];
    return json::Object{
        {"Type", record.string_or("log_driver", kDefaultDriver)},
        {"Path", options.enabled ? store::log_path(container_dir, options) : std::string()},
        {"Config", config.is_null() ? json::Value(json::Object{}) : config}};
}

}  // namespace sandbox::engine
