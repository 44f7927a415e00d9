#include "sandbox/store/network_store.hpp"

#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::store {
namespace {

namespace json = base::json;

constexpr std::string_view kSuffix = ".json";
constexpr const char* kLockName = ".lock";
constexpr size_t kMaxRecordBytes = 1u << 20;
constexpr size_t kIdBytes = 32;
constexpr size_t kShortId = 32;

std::string to_json(const NetworkRecord& record) {
    json::Array ports;
    for (const std::uint16_t port : record.host_ports) ports.emplace_back(static_cast<int>(port));
    return json::dump(json::Object{{"name", record.name},
                                   {"id", record.id},
                                   {"created", record.created},
                                   {"internal", record.internal},
                                   {"ipv6", record.ipv6},
                                   {"ipv6_names", record.ipv6_names},
                                   {"link_local", record.link_local},
                                   {"subnet", record.subnet},
                                   {"gateway", record.gateway},
                                   {"ip_range", record.ip_range},
                                   {"subnet6", record.subnet6},
                                   {"host_ports", std::move(ports)},
                                   {"labels", record.labels},
                                   {"options", record.options}}) +
           "\n";
}

std::optional<NetworkRecord> try_load(int dir_fd, const std::string& name) {
    const auto text = base::try_read_file_at(dir_fd, name + std::string(kSuffix), kMaxRecordBytes);
    if (!text) return std::nullopt;
    const json::Value value = base::with_context("record of network " + base::quote(name),
                                                 [&] { return json::parse(*text); });
    NetworkRecord record;
    record.name = name;
    record.id = value.string_or("id");
    record.created = value["created"].try_i64().value_or(0);
    record.internal = value["internal"].is_true();
    record.ipv6 = value["ipv6"].is_true();
    record.ipv6_names = value["ipv6_names"].is_true();
    record.link_local = value["link_local"].is_true();
    record.subnet = value.string_or("subnet");
    record.gateway = value.string_or("gateway");
    record.ip_range = value.string_or("ip_range");
    record.subnet6 = value.string_or("subnet6");
    record.labels = value["labels"].string_members();
    record.options = value["options"].string_members();
    if (const json::Array* ports = value["host_ports"].as_array()) {
        for (const json::Value& port : *ports) {
            record.host_ports.push_back(static_cast<std::uint16_t>(port.try_u64().value_or(0)));
        }
    }
    return record;
}

void write(int dir_fd, const NetworkRecord& record) {
    base::write_file_atomic(dir_fd, record.name + std::string(kSuffix), to_json(record), 0600,
                            base::Durability::volatile_data);
}

Event network_event(std::string action, const NetworkRecord& record) {
    Event event{.type = "network", .action = std::move(action), .id = record.id};
    event.attributes = {{"name", record.name}, {"type", "bridge"}};
    return event;
}

base::FileLock lock_all(const Store& store) {
    return base::FileLock::acquire(store.networks_fd(), kLockName, base::LockMode::exclusive,
                                   "waiting for another sandbox to finish with the networks");
}

}  // namespace

void NetworkStore::check_name(std::string_view name) {
    constexpr std::string_view kLetters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    constexpr size_t kMaxName = 127;
    const bool good =
        !name.empty() && name.size() <= kMaxName &&
        kLetters.find(name.front()) != std::string_view::npos &&
        std::all_of(name.begin(), name.end(), [&](char c) {
            return kLetters.find(c) != std::string_view::npos || c == '_' || c == '.' || c == '-';
        });
    if (good) return;
    throw base::UsageError("invalid network name " + base::quote(name),
                           "1 to 127 of a-z A-Z 0-9 _ . -, the first a letter or digit");
}

std::string NetworkStore::directory() const {
    return store_.root() + "/networks";
}

std::vector<NetworkRecord> NetworkStore::list() const {
    std::vector<NetworkRecord> all;
    // Who only looks makes no directory.
    if (!base::exists_at(store_.root_fd(), "networks")) return all;
    for (const std::string& name : base::list_dir(store_.networks_fd())) {
        if (!name.ends_with(kSuffix) || name.front() == '.') continue;
        auto record = try_load(store_.networks_fd(), name.substr(0, name.size() - kSuffix.size()));
        if (record) all.push_back(std::move(*record));
    }
    return all;
}

std::optional<NetworkRecord> NetworkStore::try_find(const std::string& name_or_id) const {
    check_name(name_or_id);
    if (auto record = try_load(store_.networks_fd(), name_or_id)) return record;
    if (name_or_id.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
    std::optional<NetworkRecord> found;
    for (NetworkRecord& record : list()) {
        if (!record.id.starts_with(name_or_id)) continue;
        if (found) {
            throw base::UsageError(
                "several networks have an id that begins with " + base::quote(name_or_id),
                "give more digits", base::exit_code::kFailure);
        }
        found = std::move(record);
    }
    return found;
}

NetworkRecord NetworkStore::create(
    NetworkRecord wish,
    const std::function<void(NetworkRecord& wish, const std::vector<NetworkRecord>& others)>&
        complete) const {
    check_name(wish.name);
    const base::FileLock lock = lock_all(store_);
    const std::vector<NetworkRecord> others = list();
    const bool taken = std::any_of(others.begin(), others.end(), [&](const NetworkRecord& other) {
        return other.name == wish.name;
    });
    if (taken) {
        throw base::Error("network with name " + wish.name + " already exists",
                          "`sandbox network ls` lists what is there", base::exit_code::kFailure);
    }
    complete(wish, others);
    wish.id = base::random_hex(kIdBytes);
    if (wish.created == 0) wish.created = base::now().seconds;
    write(store_.networks_fd(), wish);
    append_event(store_, network_event("create", wish));
    return wish;
}

void NetworkStore::save(const NetworkRecord& record) const {
    write(store_.networks_fd(), record);
}

void NetworkStore::remove(const NetworkRecord& record, const std::function<void()>& may) const {
    const base::FileLock lock = lock_all(store_);
    if (may) may();
    base::unlink_at(store_.networks_fd(), record.name + std::string(kSuffix), true);
    const std::string own = record.id.substr(0, kShortId);
    base::unlink_at(store_.networks_fd(), own + ".sock", true);
    base::unlink_at(store_.networks_fd(), own + ".lock", true);
    append_event(store_, network_event("destroy", record));
}

}  // namespace sandbox::store
