#include "cli/container_filter.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "sandbox/base/error.hpp"
#include "sandbox/base/moment.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/oci/reference.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::cli {
namespace {

using engine::ContainerRow;

std::optional<oci::Reference> try_reference(const std::string& text) {
    try {
        return oci::Reference::parse(text);
    } catch (const base::Error&) {  // an id
        return std::nullopt;
    }
}

// What ancestor= means: the image that has this name now, and what was made by the same name.
class Ancestor {
  public:
    Ancestor(const store::Store& store, const std::string& wanted)
        : wanted_(wanted), reference_(try_reference(wanted)) {
        try {
            const auto image = store::ImageStore(store).try_find(wanted);
            if (image) id_ = image->id.str();
        } catch (const base::Error&) {  // of several with such an id all are meant
        }
    }
    [[nodiscard]] bool is_of(const ContainerRow& row) const {
        if (row.image_id == wanted_ || row.image_id == id_) return true;
        const std::string hex = row.image_id.substr(row.image_id.find(':') + 1);
        if (oci::looks_like_id(wanted_) && hex.starts_with(wanted_)) return true;
        const auto made_by = try_reference(row.image);
        if (!reference_ || !made_by || made_by->name() != reference_->name()) return false;
        const bool names_one =
            reference_->digest() || wanted_.ends_with(":" + reference_->tag().value_or(""));
        return !names_one || *made_by == *reference_;
    }

  private:
    std::string wanted_, id_;
    std::optional<oci::Reference> reference_;
};

constexpr std::string_view kStates[] = {"created", "running", "paused",   "restarting",
                                        "exited",  "stopped", "removing", "dead"};
constexpr std::string_view kHealth[] = {"starting", "healthy", "unhealthy", "none"};

// A misspelt word would match nothing, and a script would take that for the truth.
void check_words(const Filters& filters, std::string_view key,
                 std::span<const std::string_view> known) {
    for (const std::string& value : filters.values(key)) {
        if (std::find(known.begin(), known.end(), value) != known.end()) continue;
        throw base::UsageError(
            "invalid filter \"" + std::string(key) + "=" + base::escape_control(value) + "\"",
            "use one of " + base::join(std::vector<std::string>(known.begin(), known.end()), ", "));
    }
}

// When the container was made that before= or since= names.
std::optional<std::int64_t> moment_of(const std::vector<ContainerRow>& all, const Filters& filters,
                                      std::string_view key) {
    if (!filters.has(key)) return std::nullopt;
    const std::string& name = filters.values(key).back();
    for (const ContainerRow& row : all) {
        if (row.name == name) return row.created_ns;
    }
    for (const ContainerRow& row : all) {
        if (!name.empty() && row.id.starts_with(name)) return row.created_ns;
    }
    throw base::NotFoundError("no such container: " + base::quote(name));
}

// until=: made before that.
std::int64_t until_ns(const std::string& text) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const auto time = base::try_parse_moment(text, base::now());
    if (!time) {
        throw base::UsageError("invalid filter \"until=" + base::escape_control(text) + "\"",
                               "a duration (24h), a date (2026-11-24T15:11:42) or Unix time");
    }
    return time->seconds * kSecond + time->nanoseconds;
}

bool is_active(const ContainerRow& row) {
    return row.state == "running" || row.state == "paused" || row.state == "restarting";
}

// "80", "80/tcp" or a range "80-90/udp".
bool has_port_of(const std::vector<std::string>& ports, const std::string& wanted) {
    const size_t slash = wanted.find('/');
    const std::string protocol = slash == wanted.npos ? "tcp" : wanted.substr(slash + 1);
    const std::vector<std::string> ends = base::split(wanted.substr(0, slash), '-', 2);
    const auto first = base::try_parse_u64(ends.front());
    const auto last = base::try_parse_u64(ends.back());
    if (!first || !last) {
        throw base::UsageError("invalid filter: " + base::quote(wanted) + " is no port",
                               "PORT[-PORT][/PROTOCOL]");
    }
    return std::any_of(ports.begin(), ports.end(), [&](const std::string& port) {
        const std::vector<std::string> parts = base::split(port, '/', 2);
        const auto number = base::try_parse_u64(parts.front());
        return number && *number >= *first && *number <= *last && parts.back() == protocol;
    });
}

bool contains(const std::vector<std::string>& texts, const std::string& text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
}

// What needs the store, looked up once for all rows.
struct Wanted {
    std::vector<Ancestor> ancestors;
    std::vector<std::string> networks;
};

Wanted look_up(const store::Store& store, const Filters& filters) {
    Wanted wanted;
    for (const std::string& text : filters.values("ancestor")) {
        wanted.ancestors.emplace_back(store, text);
    }
    for (const std::string& text : filters.values("network")) {
        wanted.networks.push_back(engine::network_name(store, text));
    }
    return wanted;
}

// As in docker either will do where both are asked for, and `publish` is about the host's port,
// too.
bool fits_ports(const ContainerRow& row, const Filters& filters) {
    if (!filters.has("expose") && !filters.has("publish")) return true;
    const auto exposes = [&](const std::string& port) {
        return has_port_of(row.exposed_ports, port);
    };
    std::vector<std::string> published;
    for (const store::PortMapping& each : row.published) {
        const std::string protocol = each.port.substr(each.port.find('/'));
        published.push_back(each.port);
        published.push_back(std::to_string(each.host_port) + protocol);
    }
    const auto publishes = [&](const std::string& port) { return has_port_of(published, port); };
    return (filters.has("expose") && filters.any("expose", exposes)) ||
           (filters.has("publish") && filters.any("publish", publishes));
}

bool fits(const ContainerRow& row, const Filters& filters, const Wanted& looked_up) {
    const auto is_state = [&](const std::string& wanted) {
        return wanted == row.state || (wanted == "stopped" && row.state == "exited");
    };
    const auto has_code = [&](const std::string& code) {
        return row.state == "exited" && code == std::to_string(row.exit_code);
    };
    const auto mounts = [&](const std::string& wanted) {
        return contains(row.mounts, wanted) || contains(row.mount_targets, wanted);
    };
    const auto is_of = [&](const Ancestor& ancestor) { return ancestor.is_of(row); };
    const auto is_on = [&](const std::string& network) { return contains(row.networks, network); };
    // In docker a name begins with a slash, and scripts say "name=^/web$" for that one alone.
    const bool is_named =
        filters.matches_regex("name", row.name) || filters.matches_regex("name", "/" + row.name);
    return is_named && filters.is_prefix("id", row.id) &&
           filters.matches_labels(row.labels.string_members()) && filters.any("status", is_state) &&
           filters.any("exited", has_code) &&
           (!filters.has("ancestor") ||
            std::any_of(looked_up.ancestors.begin(), looked_up.ancestors.end(), is_of)) &&
           (!filters.has("network") ||
            std::any_of(looked_up.networks.begin(), looked_up.networks.end(), is_on)) &&
           filters.any("volume", mounts) && fits_ports(row, filters) &&
           filters.is("restart-policy", row.restart_policy) && filters.is("health", row.health);
}

}  // namespace

std::string network_of(const ContainerRow& row) {
    return base::join(row.networks, ",");
}

Filters parse_container_filters(const std::vector<std::string>& texts) {
    Filters filters = Filters::parse(
        texts, {"name", "id", "label", "status", "exited", "ancestor", "before", "since", "volume",
                "network", "restart-policy", "health", "publish", "expose"});
    check_words(filters, "status", kStates);
    check_words(filters, "health", kHealth);
    return filters;
}

std::vector<ContainerRow> filter_containers(const store::Store& store,
                                            std::vector<ContainerRow> rows, const Filters& filters,
                                            bool every_state) {
    const Wanted wanted = look_up(store, filters);
    std::optional<std::int64_t> before = moment_of(rows, filters, "before");
    for (const std::string& text : filters.values("until")) {
        const std::int64_t moment = until_ns(text);
        before = before ? std::min(*before, moment) : moment;
    }
    const std::optional<std::int64_t> since_moment = moment_of(rows, filters, "since");
    const bool by_state = filters.has("status") || filters.has("exited");
    std::erase_if(rows, [&](const ContainerRow& row) {
        return (!every_state && !by_state && !is_active(row)) ||
               (before && row.created_ns >= *before) ||
               (since_moment && row.created_ns <= *since_moment) || !fits(row, filters, wanted);
    });
    return rows;
}

}  // namespace sandbox::cli
