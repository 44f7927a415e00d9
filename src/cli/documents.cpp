#include "cli/documents.hpp"

#include <algorithm>

#include "sandbox/base/strings.hpp"
#include "sandbox/image/pull.hpp"

namespace sandbox::cli {
namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

// docker's null for what an image does not say.
Value map_or_null(const std::map<std::string, std::string>& members) {
    return members.empty() ? Value() : Value(members);
}

Value words_or_null(const std::optional<std::vector<std::string>>& words) {
    return words ? Value(*words) : Value();
}

// {"/data": {}}: a set, as Go's JSON has none.
Value set_or_null(const std::vector<std::string>& names) {
    if (names.empty()) return {};
    Object set;
    for (const std::string& name : names) set[name] = Object{};
    return set;
}

Value healthcheck_document(const oci::Healthcheck& check) {
    Object result{{"Test", check.test}};
    if (check.interval.count() != 0) result["Interval"] = check.interval.count();
    if (check.timeout.count() != 0) result["Timeout"] = check.timeout.count();
    if (check.start_period.count() != 0) result["StartPeriod"] = check.start_period.count();
    if (check.start_interval.count() != 0) result["StartInterval"] = check.start_interval.count();
    if (check.retries != 0) result["Retries"] = check.retries;
    return result;
}

Value config_document(const oci::ImageConfig& config) {
    Object result{{"User", config.user},
                  {"Env", config.env},
                  {"Cmd", words_or_null(config.cmd)},
                  {"Entrypoint", words_or_null(config.entrypoint)},
                  {"WorkingDir", config.working_dir},
                  {"Volumes", set_or_null(config.volumes)},
                  {"ExposedPorts", set_or_null(config.exposed_ports)},
                  {"Labels", map_or_null(config.labels)},
                  {"StopSignal", config.stop_signal},
                  // A template may ask for these whether the image says something or not.
                  {"Hostname", ""},
                  {"Image", ""},
                  {"OnBuild", nullptr},
                  {"Shell", nullptr},
                  {"Healthcheck", nullptr}};
    if (!config.shell.empty()) result["Shell"] = config.shell;
    if (config.healthcheck) result["Healthcheck"] = healthcheck_document(*config.healthcheck);
    return result;
}

Value history_document(const oci::ImageConfig& config) {
    Array entries;
    for (const oci::HistoryEntry& entry : config.history) {
        Object each{{"created", entry.created}, {"created_by", entry.created_by}};
        if (!entry.author.empty()) each["author"] = entry.author;
        if (!entry.comment.empty()) each["comment"] = entry.comment;
        if (entry.empty_layer) each["empty_layer"] = true;
        entries.push_back(each);
    }
    return entries;
}

Value layers_document(const oci::ImageConfig& config) {
    Array layers;
    for (const oci::DiffId& diff : config.diff_ids) layers.push_back(diff.digest.str());
    return Object{{"Type", "layers"}, {"Layers", layers}};
}

}  // namespace

const oci::Digest& shown_digest(const store::ImageRecord& record) noexcept {
    return record.index ? *record.index : record.manifest;
}

Value image_document(const store::Store& store, const store::ImageRecord& record) {
    const oci::ImageConfig config = image::load_config(store, record);
    // All tags of the image, and all digests it came by, whichever record was found.
    std::vector<std::string> tags;
    std::vector<std::string> digests = record.repo_digests;
    for (const store::ImageRecord& other : store::ImageStore(store).list()) {
        if (other.id != record.id) continue;
        if (other.reference && !other.reference->digest()) {
            tags.push_back(other.reference->familiar());
        }
        for (const std::string& digest : other.repo_digests) {
            if (std::find(digests.begin(), digests.end(), digest) == digests.end()) {
                digests.push_back(digest);
            }
        }
    }
    return Object{{"Id", record.id.str()},
                  {"ID", record.id.str()},
                  {"Digest", shown_digest(record).str()},
                  {"RepoTags", tags},
                  {"RepoDigests", digests},
                  {"Parent", ""},
                  {"Comment", config.history.empty() ? "" : config.history.back().comment},
                  {"Created", config.created},
                  {"Author", config.author},
                  {"Config", config_document(config)},
                  {"Architecture", record.platform.architecture},
                  {"Variant", record.platform.variant},
                  {"Os", record.platform.os},
                  {"Size", record.size_bytes},
                  {"VirtualSize", record.size_bytes},
                  {"RootFS", layers_document(config)},
                  {"Labels", map_or_null(config.labels)},
                  {"User", config.user},
                  {"History", history_document(config)},
                  {"NamesHistory", tags},
                  {"GraphDriver", Object{{"Name", "overlay"}, {"Data", nullptr}}},
                  {"Metadata", Object{{"LastTagTime", base::format_rfc3339(record.pulled_at)}}}};
}

Value volume_document(const store::Store& store, const store::VolumeRecord& record) {
    return Object{{"Name", record.name},
                  {"Driver", "local"},
                  {"Mountpoint", store::VolumeStore(store).data_path(record.name)},
                  {"CreatedAt", base::format_rfc3339(record.created)},
                  {"Labels", record.labels},
                  {"Options", record.options},
                  {"Scope", "local"},
                  {"Anonymous", record.anonymous}};
}

}  // namespace sandbox::cli
