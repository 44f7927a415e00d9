#include "cli/image_filter.hpp"

#include <fnmatch.h>

#include <optional>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

bool glob(const std::string& pattern, const std::string& text) {
    return ::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
}

std::int64_t created_of(const store::Store& store, const std::string& name) {
    return store::ImageStore(store).find(name).created;
}

}  // namespace

std::int64_t parse_until(const std::string& text) {
    if (const std::optional<base::Timestamp> time = base::try_parse_rfc3339(text)) {
        return time->seconds;
    }
    if (const std::optional<std::int64_t> age = base::try_parse_duration_ns(text)) {
        return base::now().seconds - *age / 1'000'000'000;
    }
    if (const std::optional<std::int64_t> seconds = base::try_parse_i64(text)) return *seconds;
    throw base::UsageError("invalid time " + base::quote(text),
                           "use 2026-01-02T03:04:05Z, Unix seconds or an age as 24h");
}

bool fits_prune(const Filters& filters, const std::map<std::string, std::string>& labels,
                std::int64_t created) {
    for (const std::string& text : filters.values("until")) {
        if (created >= parse_until(text)) return false;
    }
    return filters.matches_labels(labels);
}

bool matches_reference(const oci::Reference& reference, const std::string& pattern) {
    const std::string tag = reference.tag() ? ":" + *reference.tag() : "";
    const std::string familiar = reference.familiar_name();
    for (const std::string& name : {familiar, reference.name()}) {
        if (glob(pattern, name) || glob(pattern, name + tag)) return true;
    }
    // podman's rule besides: the last part of the name is enough.
    const std::string last = familiar.substr(familiar.rfind('/') + 1);
    return glob(pattern, last) || glob(pattern, last + tag);
}

Filters parse_image_filters(const std::vector<std::string>& texts) {
    return Filters::parse(
        texts, {"before", "since", "after", "until", "label", "reference", "dangling", "id"});
}

std::vector<store::ImageRecord> filter_images(const store::Store& store,
                                              std::vector<store::ImageRecord> records,
                                              const Filters& filters, const std::string& pattern) {
    std::optional<std::int64_t> before, after;
    for (const std::string& name : filters.values("before")) before = created_of(store, name);
    for (const char* key : {"since", "after"}) {
        for (const std::string& name : filters.values(key)) after = created_of(store, name);
    }
    for (const std::string& text : filters.values("until")) {
        const std::int64_t moment = parse_until(text);
        before = before ? std::min(*before, moment) : moment;
    }
    const std::optional<bool> dangling = filters.try_bool("dangling");
    std::erase_if(records, [&](const store::ImageRecord& record) {
        if (before && record.created >= *before) return true;
        if (after && record.created <= *after) return true;
        if (dangling && *dangling == record.reference.has_value()) return true;
        if (!filters.is_prefix("id", record.id.hex()) &&
            !filters.is_prefix("id", record.id.str())) {
            return true;
        }
        if (!filters.matches_labels(record.labels)) return true;
        const auto matches = [&](const std::string& wanted) {
            return record.reference && matches_reference(*record.reference, wanted);
        };
        if (!filters.any("reference", matches)) return true;
        return !pattern.empty() && !matches(pattern) && !record.id.hex().starts_with(pattern);
    });
    return records;
}

}  // namespace sandbox::cli
