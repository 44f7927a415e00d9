#include "sandbox/oci/config_change.hpp"

#include <utility>

#include "config_words.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::oci {
namespace {

using base::UsageError;
using base::json::Array;
using base::json::Object;
using base::json::Value;

constexpr std::uint64_t kMaxPort = 65535;

[[noreturn]] void refuse(const std::string& instruction, const std::string& why) {
    throw UsageError(instruction + ": " + why, "write it as in a Dockerfile");
}

class ConfigEditor {
  public:
    explicit ConfigEditor(Object& config) : config_(config) {}

    void apply(const std::string& change) {
        const std::string_view text = base::trim(change);
        const size_t blank = text.find_first_of(" \t");
        const std::string word = base::to_upper(text.substr(0, blank));
        rest_ = blank == text.npos ? "" : base::trim(text.substr(blank));
        if (word.empty() || !dispatch(word)) {
            throw UsageError(base::quote(text.substr(0, blank)) + " is not a valid change command",
                             "there are CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD SHELL "
                             "STOPSIGNAL USER VOLUME WORKDIR");
        }
    }

  private:
    bool dispatch(const std::string& word) {
        if (rest_.empty() && word != "CMD" && word != "ENTRYPOINT") {
            refuse(word, "an argument is missing");
        }
        if (word == "CMD") {
            config_["Cmd"] = command();
            cmd_set_ = true;
        } else if (word == "ENTRYPOINT") {
            config_["Entrypoint"] = command();
            // As in a build: the base's Cmd was meant for another program.
            if (!cmd_set_) config_.erase("Cmd");
        } else if (word == "SHELL") {
            const auto list = try_list();
            if (!list) refuse(word, "needs a JSON list");
            config_["Shell"] = *list;
        } else if (word == "ENV") {
            for (auto& [name, value] : pairs(word)) set_env(name, value);
        } else if (word == "LABEL") {
            for (auto& [name, value] : pairs(word)) object("Labels")[name] = value;
        } else if (word == "EXPOSE") {
            for (const std::string& port : split_words(rest_)) expose(expand(port));
        } else if (word == "VOLUME") {
            for (const std::string& path : list_or_words()) object("Volumes")[path] = Object{};
        } else if (word == "USER") {
            config_["User"] = expand(rest_);
        } else if (word == "STOPSIGNAL") {
            config_["StopSignal"] = expand(rest_);
        } else if (word == "WORKDIR") {
            set_working_dir(expand(rest_));
        } else if (word == "ONBUILD") {
            Value& list = config_["OnBuild"];
            if (list.as_array() == nullptr) list = Array{};
            list.as_array()->emplace_back(std::string(rest_));
        } else if (word == "HEALTHCHECK") {
            set_healthcheck();
        } else {
            return false;
        }
        return true;
    }

    // Of a config that others made: what is no object is replaced by one.
    Object& object(std::string_view key) {
        Value& value = config_[key];
        if (value.as_object() == nullptr) value = Object{};
        return *value.as_object();
    }

    std::string expand(std::string_view word) const {
        return expand_word(word, [this](const std::string& name) { return try_env(name); });
    }

    std::optional<std::string> try_env(const std::string& name) const {
        const Value* env = std::as_const(config_).find("Env");
        if (env == nullptr || env->as_array() == nullptr) return std::nullopt;
        for (const Value& line : *env->as_array()) {
            const std::string* text = line.as_string();
            if (text != nullptr && text->starts_with(name + "=")) {
                return text->substr(name.size() + 1);
            }
        }
        return std::nullopt;
    }

    void set_env(const std::string& name, const std::string& value) {
        Value& env = config_["Env"];
        if (env.as_array() == nullptr) env = Array{};
        for (Value& line : *env.as_array()) {
            const std::string* text = line.as_string();
            if (text != nullptr && text->starts_with(name + "=")) {
                line = name + "=" + value;
                return;
            }
        }
        env.as_array()->emplace_back(name + "=" + value);
    }

    // "NAME=VALUE NAME=VALUE", or the old "NAME rest of the line".
    std::vector<std::pair<std::string, std::string>> pairs(const std::string& word) const {
        std::vector<std::pair<std::string, std::string>> result;
        const std::vector<std::string> words = split_words(rest_);
        if (words.front().find('=') == std::string::npos) {
            if (words.size() < 2) refuse(word, "needs a name and a value");
            const std::string_view value = base::trim(rest_.substr(words.front().size()));
            result.emplace_back(expand(words.front()), expand(value));
            return result;
        }
        for (const std::string& pair : words) {
            const size_t equals = pair.find('=');
            if (equals == std::string::npos || equals == 0) {
                refuse(word, base::quote(pair) + " is not NAME=VALUE");
            }
            result.emplace_back(expand(pair.substr(0, equals)), expand(pair.substr(equals + 1)));
        }
        return result;
    }

    std::optional<std::vector<std::string>> try_list() const {
        if (!rest_.starts_with('[')) return std::nullopt;
        Value parsed;
        try {
            parsed = base::json::parse(rest_);
        } catch (const base::IntegrityError&) {
            return std::nullopt;  // as docker: then it is a line for the shell
        }
        std::vector<std::string> list;
        if (parsed.as_array() == nullptr) return std::nullopt;
        for (const Value& value : *parsed.as_array()) {
            if (value.as_string() == nullptr) return std::nullopt;
            list.push_back(*value.as_string());
        }
        return list;
    }

    std::vector<std::string> list_or_words() const {
        if (const auto list = try_list()) return *list;
        std::vector<std::string> words;
        for (const std::string& word : split_words(rest_)) words.push_back(expand(word));
        return words;
    }

    std::vector<std::string> shell_line(std::string_view line) const {
        std::vector<std::string> words{"/bin/sh", "-c"};
        const Value* shell = std::as_const(config_).find("Shell");
        if (shell != nullptr && shell->as_array() != nullptr && !shell->as_array()->empty()) {
            words.clear();
            for (const Value& word : *shell->as_array()) {
                if (word.as_string() != nullptr) words.push_back(*word.as_string());
            }
        }
        words.emplace_back(line);
        return words;
    }

    Value command() const {
        if (rest_.empty()) return nullptr;
        if (const auto list = try_list()) return *list;
        return shell_line(rest_);
    }

    // "80", "80/udp", "8000-8010/tcp".
    void expose(const std::string& spec) {
        const std::vector<std::string> parts = base::split(spec, '/', 2);
        const std::string protocol = parts.size() > 1 ? base::to_lower(parts[1]) : "tcp";
        const std::vector<std::string> range = base::split(parts[0], '-', 2);
        const auto first = base::try_parse_u64(range[0]);
        const auto last = base::try_parse_u64(range.back());
        const bool known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
        if (!known || !first || !last || *first == 0 || *last > kMaxPort || *first > *last) {
            refuse("EXPOSE", "invalid port " + base::quote(spec));
        }
        for (std::uint64_t port = *first; port <= *last; ++port) {
            object("ExposedPorts")[std::to_string(port) + "/" + protocol] = Object{};
        }
    }

    void set_working_dir(const std::string& dir) {
        std::string base_dir;
        const Value* former = std::as_const(config_).find("WorkingDir");
        if (former != nullptr && former->as_string() != nullptr) base_dir = *former->as_string();
        config_["WorkingDir"] =
            base::clean_path("/" + (dir.starts_with('/') ? dir : base_dir + "/" + dir));
    }

    void set_healthcheck() {
        Object check;
        std::vector<std::string> words = split_words(rest_);
        size_t next = 0;
        for (; next < words.size() && words[next].starts_with("--"); ++next) {
            health_option(words[next], check);
        }
        const std::string kind = next < words.size() ? base::to_upper(words[next]) : "";
        if (kind == "NONE") {
            config_["Healthcheck"] = Object{{"Test", Array{"NONE"}}};
            return;
        }
        if (kind != "CMD") refuse("HEALTHCHECK", "needs CMD or NONE");
        rest_ = base::trim(rest_.substr(rest_.find(words[next]) + kind.size()));
        if (rest_.empty()) refuse("HEALTHCHECK", "a command is missing");
        Array test;
        if (const auto list = try_list()) {
            test.emplace_back("CMD");
            for (const std::string& word : *list) test.emplace_back(word);
        } else {
            test.emplace_back("CMD-SHELL");
            test.emplace_back(std::string(rest_));
        }
        check["Test"] = std::move(test);
        config_["Healthcheck"] = std::move(check);
    }

    static void health_option(const std::string& word, Object& check) {
        const size_t equals = word.find('=');
        const std::string name = word.substr(0, equals);
        const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
        if (name == "--retries") {
            const auto count = base::try_parse_u64(value);
            if (!count) refuse("HEALTHCHECK", "invalid --retries " + base::quote(value));
            check["Retries"] = *count;
            return;
        }
        const char* key = name == "--interval"         ? "Interval"
                          : name == "--timeout"        ? "Timeout"
                          : name == "--start-period"   ? "StartPeriod"
                          : name == "--start-interval" ? "StartInterval"
                                                       : nullptr;
        const auto duration = base::try_parse_duration_ns(value);
        if (key == nullptr) refuse("HEALTHCHECK", "unknown flag " + base::quote(name));
        if (!duration) refuse("HEALTHCHECK", "invalid " + name + " " + base::quote(value));
        check[key] = *duration;
    }

    Object& config_;
    std::string_view rest_;
    bool cmd_set_ = false;
};

}  // namespace

void apply_config_changes(Object& config, const std::vector<std::string>& changes) {
    ConfigEditor editor(config);
    for (const std::string& change : changes) editor.apply(change);
}

}  // namespace sandbox::oci
