#include "engine/health/health_flags.hpp"

#include <chrono>

#include "engine/flags/flag_error.hpp"
#include "sandbox/base/json.hpp"

namespace sandbox::engine {
namespace {

using std::chrono::nanoseconds;
constexpr nanoseconds kLeast = std::chrono::milliseconds(1);

// docker: 0 means the image's, and the default where that has none.
nanoseconds parse_time(const std::optional<std::string>& text, const char* flag, nanoseconds image,
                       nanoseconds fallback) {
    nanoseconds time = image;
    if (text) {
        const auto parsed = base::try_parse_duration_ns(*text);
        if (!parsed) throw_bad_flag(flag, *text, "not a duration", "write it as 30s or 1m30s");
        const nanoseconds wanted(*parsed);
        if (wanted.count() != 0 && wanted < kLeast) {
            throw_bad_flag(flag, *text, "it is shorter than 1ms");
        }
        if (wanted.count() != 0) time = wanted;
    }
    return time.count() <= 0 ? fallback : time;
}

std::uint32_t parse_retries(const std::optional<std::string>& text, int image) {
    constexpr std::uint32_t kDefault = 3;
    if (text) {
        const auto number = base::try_parse_u64(*text);
        if (!number || *number > 1'000'000) {
            throw_bad_flag("--health-retries", *text, "a whole number is needed");
        }
        if (*number != 0) return static_cast<std::uint32_t>(*number);
    }
    return image <= 0 ? kDefault : static_cast<std::uint32_t>(image);
}

std::vector<std::string> shell_words(const oci::ImageConfig& config, const std::string& script) {
    std::vector<std::string> words = config.shell;
    if (words.empty()) words = {"/bin/sh", "-c"};
    words.push_back(script);
    return words;
}

// docker's Test: {"NONE"}, {"CMD", word…}, {"CMD-SHELL", script}.
std::vector<std::string> words_of(const std::vector<std::string>& test,
                                  const oci::ImageConfig& config) {
    if (test.size() < 2) return {};
    if (test.front() == "CMD") return {test.begin() + 1, test.end()};
    if (test.front() == "CMD-SHELL") return shell_words(config, test[1]);
    return {};
}

// A line for the shell, or (podman's form) a JSON array of words that are executed as they are.
std::vector<std::string> test_of(const std::string& command) {
    if (!command.starts_with('[')) return {"CMD-SHELL", command};
    std::vector<std::string> test{"CMD"};
    try {
        const base::json::Value words = base::json::parse(command);
        for (const base::json::Value& word : *words.as_array()) {
            if (word.as_string() == nullptr) break;
            test.push_back(*word.as_string());
        }
        if (test.size() > 1 && test.size() == words.as_array()->size() + 1) return test;
    } catch (const base::IntegrityError&) {
        // "[ -e /ready ]" is a line for the shell.
    }
    return {"CMD-SHELL", command};
}

}  // namespace

std::optional<HealthSpec> make_health(const RunRequest& request, const oci::ImageConfig& config) {
    if (request.no_healthcheck) return std::nullopt;
    const oci::Healthcheck image = config.healthcheck.value_or(oci::Healthcheck{});
    HealthSpec health;
    health.test = image.test;
    if (request.health_cmd && !request.health_cmd->empty()) {
        if (*request.health_cmd == "none") return std::nullopt;  // podman's word
        health.test = test_of(*request.health_cmd);
    }
    health.argv = words_of(health.test, config);
    if (health.argv.empty()) return std::nullopt;
    using std::chrono::seconds;
    health.interval =
        parse_time(request.health_interval, "--health-interval", image.interval, seconds(30));
    health.timeout =
        parse_time(request.health_timeout, "--health-timeout", image.timeout, seconds(30));
    health.start_period = parse_time(request.health_start_period, "--health-start-period",
                                     image.start_period, seconds(0));
    health.start_interval = parse_time(request.health_start_interval, "--health-start-interval",
                                       image.start_interval, seconds(5));
    health.retries = parse_retries(request.health_retries, image.retries);
    health.eager = request.health_eager;
    return health;
}

void check_health_flags(const RunRequest& request) {
    const bool any = request.health_cmd || request.health_interval || request.health_timeout ||
                     request.health_start_period || request.health_start_interval ||
                     request.health_retries;
    if (request.no_healthcheck && any) {
        throw_usage("--no-healthcheck and --health-... contradict each other");
    }
    RunRequest checked = request;
    if (!checked.health_cmd) checked.health_cmd = "true";
    (void)make_health(checked, oci::ImageConfig{});
}

}  // namespace sandbox::engine
