#include "cli/container_filter.hpp"

#include <algorithm>
#include <optional>

namespace sandbox::cli {
namespace {

using base::json::Value;
using engine::ContainerRow;

// {"a":"1"} → map, for Filters.
std::map<std::string, std::string> label_map(const Value& labels) {
    std::map<std::string, std::string> result;
    if (const base::json::Object* object = labels.as_object()) {
        for (const base::json::Object::Member& each : *object) {
            if (const std::string* text = each.second.as_string()) result[each.first] = *text;
        }
    }
    return result;
}

bool is_of_image(const ContainerRow& row, const std::string& wanted) {
    const size_t colon = row.image_id.find(':');
    const std::string hex = row.image_id.substr(colon == std::string::npos ? 0 : colon + 1);
    return row.image == wanted || row.image.starts_with(wanted + ":") ||
           row.image.ends_with("/" + wanted) || row.image_id == wanted ||
           (wanted.size() >= 2 && hex.starts_with(wanted));
}

}  // namespace

std::string network_of(const ContainerRow& row) {
    return row.networks.empty() ? "private" : row.networks;
}

Filters parse_container_filters(const std::vector<std::string>& texts) {
    return Filters::parse(texts, {"name", "id", "label", "status", "exited", "ancestor", "before",
                                  "since", "volume", "network", "restart-policy"});
}

std::vector<ContainerRow> filter_containers(const std::vector<ContainerRow>& all,
                                            const Filters& filters, bool every_state) {
    std::optional<std::int64_t> before, since_moment;
    for (const ContainerRow& row : all) {
        if (filters.has("before") && filters.any("before", [&](const std::string& name) {
                return row.name == name || row.id.starts_with(name);
            })) {
            before = row.created;
        }
        if (filters.has("since") && filters.any("since", [&](const std::string& name) {
                return row.name == name || row.id.starts_with(name);
            })) {
            since_moment = row.created;
        }
    }
    const bool by_state = filters.has("status") || filters.has("exited");
    std::vector<ContainerRow> rows;
    for (const ContainerRow& row : all) {
        if (!every_state && !by_state && row.state != "running") continue;
        if (filters.has("before") && !(before && row.created < *before)) continue;
        if (filters.has("since") && !(since_moment && row.created > *since_moment)) continue;
        const bool fits =
            filters.matches_regex("name", row.name) && filters.is_prefix("id", row.id) &&
            filters.is("status", row.state == "stopped" ? "exited" : row.state) &&
            filters.matches_labels(label_map(row.labels)) &&
            filters.any("exited",
                        [&](const std::string& code) {
                            return row.state != "running" && code == std::to_string(row.exit_code);
                        }) &&
            filters.any("ancestor",
                        [&](const std::string& wanted) { return is_of_image(row, wanted); }) &&
            filters.any("volume",
                        [&](const std::string& wanted) {
                            return std::find(row.mounts.begin(), row.mounts.end(), wanted) !=
                                   row.mounts.end();
                        }) &&
            filters.is("network", network_of(row)) && filters.is("restart-policy", "no");
        if (fits) rows.push_back(row);
    }
    return rows;
}

}  // namespace sandbox::cli
