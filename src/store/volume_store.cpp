#include "sandbox/store/volume_store.hpp"

#include <cerrno>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/temp_dir.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::store {
namespace {

namespace json = base::json;
namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;

constexpr const char* kMetaFile = "meta.json";
constexpr const char* kDataDir = "data";
constexpr size_t kMaxMetaBytes = 1u << 20;
constexpr size_t kMaxNameLength = 63;
constexpr size_t kAnonymousLength = 64;  // docker's anonymous volumes: 64 hex digits

std::string to_json(const VolumeRecord& record) {
    json::Object object;
    object.append("name", record.name);
    object.append("created", record.created);
    object.append("labels", record.labels);
    object.append("options", record.options);
    object.append("anonymous", record.anonymous);
    object.append("seeded", record.seeded);
    return json::dump(json::Value(std::move(object))) + "\n";
}

std::optional<VolumeRecord> try_load(int volumes_fd, const std::string& name) {
    const std::optional<std::string> text =
        base::try_read_file_at(volumes_fd, name + "/" + kMetaFile, kMaxMetaBytes);
    if (!text) return std::nullopt;
    const json::Value value = base::with_context("volume record " + base::quote(name),
                                                 [&] { return json::parse(*text); });
    VolumeRecord record;
    record.name = name;
    record.created = value["created"].try_i64().value_or(0);
    record.labels = value["labels"].string_members();
    record.options = value["options"].string_members();
    record.anonymous = value["anonymous"].is_true();
    record.seeded = value["seeded"].is_true();
    return record;
}

// A damaged record loses labels and date, never the volume: its data is what counts.
std::optional<VolumeRecord> try_load_any(int volumes_fd, const std::string& name) {
    try {
        if (std::optional<VolumeRecord> record = try_load(volumes_fd, name)) return record;
    } catch (const base::IntegrityError&) {
    }
    if (!base::exists_at(volumes_fd, name + "/" + kDataDir)) return std::nullopt;
    VolumeRecord record;
    record.name = name;
    record.seeded = true;  // never write over what may be there
    return record;
}

base::NotFoundError no_such_volume(const std::string& name) {
    return base::NotFoundError("no such volume: " + base::quote(name),
                               "`sandbox volume ls` lists what is there");
}

Event volume_event(std::string action, const std::string& name) {
    Event event{.type = "volume", .action = std::move(action), .id = name};
    event.attributes["driver"] = "local";
    return event;
}

}  // namespace

void VolumeStore::check_name(std::string_view name) {
    constexpr std::string_view kFirst =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    constexpr std::string_view kAll =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const bool anonymous = name.size() == kAnonymousLength &&
                           name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    const bool good = !name.empty() && (name.size() <= kMaxNameLength || anonymous) &&
                      kFirst.find(name.front()) != std::string_view::npos &&
                      name.find_first_not_of(kAll) == std::string_view::npos;
    if (good) return;
    throw base::UsageError("invalid volume name " + base::quote(name),
                           "1 to 63 of a-z A-Z 0-9 _ . -, the first a letter or digit");
}

std::string VolumeStore::make_anonymous_name() {
    return base::random_hex(kAnonymousLength / 2);
}

std::vector<VolumeRecord> VolumeStore::list() const {
    std::vector<VolumeRecord> records;
    for (const std::string& name : base::list_dir(store_.volumes_fd())) {
        if (name.front() == '.') continue;
        std::optional<VolumeRecord> record = try_load_any(store_.volumes_fd(), name);
        if (record) records.push_back(std::move(*record));
    }
    return records;
}

std::optional<VolumeRecord> VolumeStore::try_get(const std::string& name) const {
    check_name(name);
    return try_load_any(store_.volumes_fd(), name);
}

VolumeRecord VolumeStore::create(const VolumeRecord& wish) const {
    VolumeRecord record = wish;
    if (record.name.empty()) {
        record.name = make_anonymous_name();
        record.anonymous = true;
    }
    if (std::optional<VolumeRecord> existing = try_get(record.name)) return std::move(*existing);
    if (record.created == 0) record.created = base::now().seconds;
    base::TempDir staged(store_.volumes_fd());
    base::make_dir_at(staged.fd(), kDataDir, 0755);
    const int rc = raw::fchmodat(staged.fd(), kDataDir, 0755);
    if (rc < 0) throw SysError(-rc, "set mode of volume", base::quote(record.name));
    // An anonymous one is made on the way to a launch and goes with its container.
    const auto durability =
        record.anonymous ? base::Durability::volatile_data : base::Durability::synced;
    base::write_file_atomic(staged.fd(), kMetaFile, to_json(record), 0600, durability);
    try {
        staged.commit(store_.volumes_fd(), record.name);
    } catch (const SysError& error) {
        if (error.errnum() != EEXIST && error.errnum() != ENOTEMPTY) throw;
        if (std::optional<VolumeRecord> existing = try_get(record.name)) return *existing;
        throw;
    }
    append_event(store_, volume_event("create", record.name));
    return record;
}

void VolumeStore::save(const VolumeRecord& record) const {
    check_name(record.name);
    const std::optional<UniqueFd> dir =
        base::try_open_at(store_.volumes_fd(), record.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!dir) throw no_such_volume(record.name);
    base::write_file_atomic(dir->get(), kMetaFile, to_json(record), 0600, base::Durability::synced);
}

UniqueFd VolumeStore::open_data(const std::string& name) const {
    check_name(name);
    std::optional<UniqueFd> dir = base::try_open_at(store_.volumes_fd(), name + "/" + kDataDir,
                                                    O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!dir) throw no_such_volume(name);
    return std::move(*dir);
}

std::string VolumeStore::data_path(const std::string& name) const {
    check_name(name);
    return store_.root() + "/volumes/" + name + "/" + kDataDir;
}

void VolumeStore::remove_leftovers() const {
    for (const std::string& name : base::remove_stale_temps(store_.volumes_fd())) {
        kernel::remove_tree(store_.volumes_fd(), name);
    }
}

void VolumeStore::remove(const std::string& name) const {
    check_name(name);
    const std::string doomed = ".tmp-" + base::random_hex(8);
    const int rc =
        raw::renameat2(store_.volumes_fd(), name.c_str(), store_.volumes_fd(), doomed.c_str());
    if (rc == -ENOENT) throw no_such_volume(name);
    if (rc < 0) throw SysError(-rc, "remove volume", base::quote(name));
    kernel::remove_tree(store_.volumes_fd(), doomed);
    append_event(store_, volume_event("destroy", name));
}

}  // namespace sandbox::store
