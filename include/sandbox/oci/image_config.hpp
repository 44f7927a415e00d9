// The image configuration document: what to run and the diff ids of the layers. No I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/oci/digest.hpp"
#include "sandbox/oci/platform.hpp"

namespace sandbox::oci {

struct HistoryEntry {
    std::string created;  // RFC 3339, as written
    std::string created_by;
    std::string author;
    std::string comment;
    bool empty_layer = false;
};

struct Healthcheck {                // docker's extension; kept for the supervisor
    std::vector<std::string> test;  // {"NONE"}, {"CMD", …}, {"CMD-SHELL", text}
    std::chrono::nanoseconds interval{0};
    std::chrono::nanoseconds timeout{0};
    std::chrono::nanoseconds start_period{0};
    int retries = 0;
    std::chrono::nanoseconds start_interval{0};  // between checks while it starts
};

struct ImageConfig {
    Platform platform;
    std::string created;  // RFC 3339 or empty
    std::string author;
    std::vector<DiffId> diff_ids;  // bottom first
    std::vector<HistoryEntry> history;

    std::string user;
    std::vector<std::string> env;  // NAME=value
    std::optional<std::vector<std::string>> entrypoint;
    std::optional<std::vector<std::string>> cmd;
    std::vector<std::string> shell;
    std::string working_dir;
    std::string stop_signal;
    std::vector<std::string> volumes;        // container paths
    std::vector<std::string> exposed_ports;  // "80/tcp"
    std::map<std::string, std::string> labels;
    std::optional<Healthcheck> healthcheck;
};

// Throws IntegrityError naming the field. A diff id that is malformed, more than kMaxLayers,
// wrong types: refused. Unknown keys are ignored.
[[nodiscard]] ImageConfig parse_image_config(std::string_view text);
// Throws IntegrityError when config and manifest disagree on the number of layers.
void check_layer_count(const ImageConfig& config, size_t manifest_layers);

}  // namespace sandbox::oci
