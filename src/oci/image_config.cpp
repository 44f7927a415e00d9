#include "sandbox/oci/image_config.hpp"

#include <limits>

#include "fields.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/oci/manifest.hpp"

namespace sandbox::oci {
namespace {

using base::IntegrityError;
using base::json::Value;

// docker reads a single string as a list of one.
std::optional<std::vector<std::string>> read_words(const Fields& fields, std::string_view key) {
    if (const std::string* word = fields.value(key).as_string()) {
        return std::vector<std::string>{*word};
    }
    return fields.strings(key);
}

std::chrono::nanoseconds read_duration(const Fields& fields, std::string_view key) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    return std::chrono::nanoseconds{fields.number(key, kMost).value_or(0)};
}

std::optional<Healthcheck> read_healthcheck(const Fields& config) {
    const auto fields = config.object("Healthcheck");
    if (!fields) return std::nullopt;
    Healthcheck check;
    check.test = fields->strings("Test").value_or(std::vector<std::string>{});
    check.interval = read_duration(*fields, "Interval");
    check.timeout = read_duration(*fields, "Timeout");
    check.start_period = read_duration(*fields, "StartPeriod");
    check.start_interval = read_duration(*fields, "StartInterval");
    check.retries =
        static_cast<int>(fields->number("Retries", std::numeric_limits<int>::max()).value_or(0));
    return check;
}

void read_run_settings(const Fields& config, ImageConfig& result) {
    result.user = config.string("User");
    result.env = config.strings("Env").value_or(std::vector<std::string>{});
    result.entrypoint = read_words(config, "Entrypoint");
    result.cmd = read_words(config, "Cmd");
    result.shell = config.strings("Shell").value_or(std::vector<std::string>{});
    result.working_dir = config.string("WorkingDir");
    result.stop_signal = config.string("StopSignal");
    result.volumes = config.keys("Volumes");
    result.exposed_ports = config.keys("ExposedPorts");
    result.labels = config.string_map("Labels");
    result.healthcheck = read_healthcheck(config);
}

std::vector<DiffId> read_diff_ids(const Fields& document) {
    const auto rootfs = document.object("rootfs");
    if (!rootfs) document.refuse("rootfs", "missing");
    const std::string type = rootfs->string("type");
    if (!type.empty() && type != "layers") rootfs->refuse("type", "not \"layers\"");
    const auto texts = rootfs->strings("diff_ids").value_or(std::vector<std::string>{});
    if (texts.size() > kMaxLayers) {
        rootfs->refuse("diff_ids", "more than " + std::to_string(kMaxLayers));
    }
    std::vector<DiffId> ids;
    ids.reserve(texts.size());
    for (const std::string& text : texts) {
        ids.push_back(base::with_context(rootfs->path_of("diff_ids"),
                                         [&] { return DiffId{Digest::parse(text)}; }));
    }
    return ids;
}

std::vector<HistoryEntry> read_history(const Fields& document) {
    std::vector<HistoryEntry> history;
    for (const Fields& fields : document.objects("history")) {
        history.push_back({fields.string("created"), fields.string("created_by"),
                           fields.string("author"), fields.string("comment"),
                           fields.boolean("empty_layer")});
    }
    return history;
}

}  // namespace

ImageConfig parse_image_config(std::string_view text) {
    if (text.size() > kMaxConfigBytes) {
        throw IntegrityError("image config too large: more than " +
                             std::to_string(kMaxConfigBytes) + " bytes");
    }
    base::json::Limits limits;
    limits.max_bytes = kMaxConfigBytes;
    const Value value =
        base::with_context("image config", [&] { return base::json::parse(text, limits); });
    const Fields document(value, "image config");
    ImageConfig config;
    config.platform.os = document.has("os") ? document.string("os") : "linux";
    config.platform.architecture = document.string("architecture");
    config.platform.variant = document.string("variant");
    config.created = document.string("created");
    config.author = document.string("author");
    config.diff_ids = read_diff_ids(document);
    config.history = read_history(document);
    if (const auto settings = document.object("config")) read_run_settings(*settings, config);
    return config;
}

void check_layer_count(const ImageConfig& config, size_t manifest_layers) {
    if (config.diff_ids.size() == manifest_layers) return;
    throw IntegrityError("image config names " + std::to_string(config.diff_ids.size()) +
                         " layers, the manifest " + std::to_string(manifest_layers));
}

}  // namespace sandbox::oci
