// Theory of operation. containers/<id>/ is made piece by piece; its name (a link containers/names/
// <name> → id) comes last but one and its record last. A directory without a record is being made,
// or its maker died: then nobody holds its lock, its name is free, and whoever sees it removes it.
// A maker that is seen between its directory and its lock finds that directory gone, and makes
// another. The lock file is locked as long as somebody cares for the container. It goes with the
// directory, and in between a maker could make and lock another one in vain: so whoever removes
// has the directory's own lock, which the maker takes before that of the file.
#include "sandbox/store/container_store.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/scope_exit.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/store/container_summary.hpp"
#include "sandbox/store/event_log.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::store {
namespace {

namespace json = base::json;
namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;

constexpr const char* kNames = "names";
constexpr const char* kRecord = "record.json";
constexpr const char* kLock = "lock";
constexpr size_t kMaxRecordBytes = 16u << 20;
constexpr size_t kIdDigits = 64;

bool is_hex(std::string_view text) noexcept {
    return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_id(std::string_view text) noexcept {
    return text.size() == kIdDigits && is_hex(text);
}

bool is_name(std::string_view name) noexcept {
    return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos;
}

std::string link_of(const std::string& name) {
    return std::string(kNames) + "/" + name;
}

void check(int rc, std::string_view tried, const std::string& what) {
    if (rc < 0) throw SysError(-rc, tried, base::quote(what));
}

std::optional<std::string> try_read_name(int containers_fd, const std::string& name) {
    if (!is_name(name)) return std::nullopt;
    std::array<char, kIdDigits + 1> target{};
    const long rc =
        raw::readlinkat(containers_fd, link_of(name).c_str(), target.data(), target.size());
    if (rc == -ENOENT || rc == -EINVAL || rc == -ENAMETOOLONG) return std::nullopt;
    if (rc < 0) throw SysError(static_cast<int>(-rc), "look up container", base::quote(name));
    std::string id(target.data(), static_cast<size_t>(rc));
    return is_id(id) ? std::optional(std::move(id)) : std::nullopt;
}

std::string cure_for(int containers_fd, std::string_view unknown) {
    std::vector<std::string> names;
    if (const auto fd = base::try_open_at(containers_fd, kNames, O_RDONLY | O_DIRECTORY)) {
        names = base::list_dir(fd->get());
    }
    const auto nearest = base::try_nearest(unknown, names);
    return nearest ? "did you mean " + base::quote(*nearest) + "?"
                   : "`sandbox ps -a` lists what is there";
}

// The name's owner is gone (its maker or remover was killed on the way): free it.
bool free_stale_name(int containers_fd, const std::string& name) {
    const std::optional<std::string> owner = try_read_name(containers_fd, name);
    if (owner && base::exists_at(containers_fd, *owner + "/" + kRecord)) return false;
    if (owner && base::FileLock::is_held(containers_fd, *owner + "/" + kLock)) return false;
    base::unlink_at(containers_fd, link_of(name), true);
    return true;
}

void reserve_name(int containers_fd, const std::string& name, const std::string& id) {
    for (;;) {
        const int rc = raw::symlinkat(id.c_str(), containers_fd, link_of(name).c_str());
        if (rc == 0) return;
        if (rc == -ENOENT) {
            base::make_dir_at(containers_fd, kNames, 0700);
            continue;
        }
        if (rc != -EEXIST) throw SysError(-rc, "reserve container name", base::quote(name));
        const std::optional<std::string> owner = try_read_name(containers_fd, name);
        if (free_stale_name(containers_fd, name)) continue;
        throw base::UsageError(
            "the container name " + base::quote(name) + " is already in use by container " +
                owner.value_or("?").substr(0, 12),
            "remove that container, or choose another name", base::exit_code::kEngine);
    }
}

// upper/ becomes the container's root directory where overlay copies it up: its mode must not
// depend on the caller's umask.
void make_open_dir(int dir_fd, const char* name) {
    check(raw::mkdirat(dir_fd, name, 0755), "make", name);
    check(raw::fchmodat(dir_fd, name, 0755), "set mode of", name);
}

json::Value with_identity(const json::Value& record, const std::string& id,
                          const std::string& name) {
    json::Object object = record.as_object() ? *record.as_object() : json::Object();
    object["id"] = id;
    object["name"] = name;
    return json::Value(std::move(object));
}

// Absent: being made, or made halfway. `summary`: the record's first part will do. `visit` may be
// null.
std::optional<ContainerEntry> try_load(
    int containers_fd, const std::string& id, bool summary = false,
    const std::function<void(const ContainerEntry&, int)>& visit = {}) {
    const std::optional<UniqueFd> dir =
        base::try_open_at(containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!dir) return std::nullopt;
    const std::optional<std::string> text =
        base::try_read_file_at(dir->get(), kRecord, kMaxRecordBytes);
    if (!text) return std::nullopt;
    ContainerEntry entry;
    entry.id = id;
    entry.live = base::FileLock::is_held(dir->get(), kLock);
    try {
        entry.record = json::parse(summary ? cut_before_member(*text, kRecordRest) : *text,
                                   {.max_bytes = kMaxRecordBytes});
    } catch (const base::IntegrityError& error) {
        // Still listed, so that it can be removed.
        base::log::debug("container " + id + ": " + error.what());
    }
    entry.name = entry.record.string_or("name", id.substr(0, 12));
    if (visit) visit(entry, dir->get());
    return entry;
}

OwnedContainer make_owned_directory(int containers_fd) {
    for (;;) {
        const std::string id = base::random_hex(kIdDigits / 2);
        check(raw::mkdirat(containers_fd, id.c_str(), 0700), "make container directory", id);
        try {
            UniqueFd dir = base::open_at(containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            const auto stays = base::FileLock::acquire_directory(dir.get(), base::LockMode::shared);
            if (!stays) continue;  // swept: see the top
            base::FileLock lock =
                base::FileLock::acquire(dir.get(), kLock, base::LockMode::exclusive);
            return {id, std::move(dir), std::move(lock), {}};
        } catch (const SysError& error) {
            if (error.errnum() != ENOENT) throw;  // else swept
        }
    }
}

constexpr std::array<const char*, 32> kMoods = {
    "able",   "brave", "bright", "calm",  "clever", "cosy",   "eager",  "fair",
    "fond",   "frank", "gentle", "glad",  "grand",  "happy",  "honest", "jolly",
    "keen",   "kind",  "lively", "loyal", "merry",  "mild",   "neat",   "noble",
    "polite", "proud", "quick",  "quiet", "sharp",  "steady", "sunny",  "witty"};
constexpr std::array<const char*, 32> kPeople = {
    "ampere",   "babbage",  "banach",  "bell",       "bohr",   "boole",   "cantor",  "curie",
    "darwin",   "dijkstra", "euler",   "faraday",    "fermi",  "galois",  "gauss",   "germain",
    "goedel",   "hamilton", "hilbert", "hopper",     "kepler", "knuth",   "lamport", "liskov",
    "lovelace", "maxwell",  "meitner", "mirzakhani", "newton", "noether", "shannon", "turing"};

}  // namespace

OwnedContainer ContainerStore::create(const std::string& name, const json::Value& record,
                                      bool keep) const {
    const int containers_fd = store_.containers_fd();
    OwnedContainer made = make_owned_directory(containers_fd);
    const std::string& id = made.id;
    const UniqueFd& dir = made.dir;
    base::ScopeExit undo([&] {
        try {
            kernel::remove_tree(containers_fd, id);
        } catch (const base::Error&) {  // a leftover without a record: a sweep takes it
        }
    });
    make_open_dir(dir.get(), "upper");
    check(raw::mkdirat(dir.get(), "work", 0700), "make", "work");
    reserve_name(containers_fd, name, id);
    base::ScopeExit undo_name([&] {
        (void)raw::unlinkat(containers_fd, link_of(name).c_str());  // a stale one is found out
    });
    const std::string text = json::dump(with_identity(record, id, name));
    if (keep) {
        base::write_file_atomic(dir.get(), kRecord, text, 0600, base::Durability::synced);
    } else {
        const UniqueFd file =
            base::open_at(dir.get(), kRecord, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        base::write_all(file.get(), text);
    }
    undo_name.dismiss();
    undo.dismiss();
    if (keep) base::sync_fd(containers_fd);
    made.name = name;
    return made;
}

std::string ContainerStore::make_name() const {
    for (;;) {
        const std::string digits = base::random_hex(4);
        const auto number = static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16));
        std::string name = std::string(kMoods.at(number % kMoods.size())) + "_" +
                           kPeople.at((number >> 8) % kPeople.size());
        if (!base::exists_at(store_.containers_fd(), link_of(name))) return name;
        name += "_" + digits.substr(0, 6);
        if (!base::exists_at(store_.containers_fd(), link_of(name))) return name;
    }
}

void ContainerStore::save_record(const OwnedContainer& container, const json::Value& record,
                                 bool synced) const {
    base::write_file_atomic(container.dir.get(), kRecord, json::dump(record), 0600,
                            synced ? base::Durability::synced : base::Durability::volatile_data);
}

json::Value ContainerStore::rename(const OwnedContainer& container, const json::Value& record,
                                   const std::string& name) const {
    const int containers_fd = store_.containers_fd();
    const std::string former = record.string_or("name");
    reserve_name(containers_fd, name, container.id);
    json::Value renamed = with_identity(record, container.id, name);
    try {
        base::write_file_atomic(container.dir.get(), kRecord, json::dump(renamed), 0600,
                                base::Durability::synced);
    } catch (const base::Error&) {
        base::unlink_at(containers_fd, link_of(name), true);
        throw;
    }
    if (try_read_name(containers_fd, former) == container.id) {
        base::unlink_at(containers_fd, link_of(former), true);
    }
    return renamed;
}

std::string cut_before_member(std::string_view document, std::string_view key) {
    const std::string mark = "\"" + std::string(key) + "\":";
    size_t depth = 0;
    for (size_t i = 0; i < document.size(); ++i) {
        const char c = document[i];
        if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            --depth;
        } else if (c == '"') {
            if (depth == 1 && i > 0 && document[i - 1] == ',' &&
                document.compare(i, mark.size(), mark) == 0) {
                return std::string(document.substr(0, i - 1)) + "}";
            }
            for (++i; i < document.size() && document[i] != '"'; ++i) {
                if (document[i] == '\\') ++i;
            }
        }
    }
    return std::string(document);
}

std::vector<std::string> for_each_container(
    const Store& store, const std::function<void(const ContainerEntry&, int)>& visit) {
    std::vector<std::string> unfinished;
    for (std::string& id : base::list_dir(store.containers_fd())) {
        if (!is_id(id)) continue;
        if (!try_load(store.containers_fd(), id, true, visit)) unfinished.push_back(std::move(id));
    }
    return unfinished;
}

std::vector<ContainerEntry> ContainerStore::list() const {
    std::vector<ContainerEntry> entries;
    for (const std::string& id : base::list_dir(store_.containers_fd())) {
        if (!is_id(id)) continue;
        std::optional<ContainerEntry> entry = try_load(store_.containers_fd(), id);
        if (entry) entries.push_back(std::move(*entry));
    }
    return entries;
}

ContainerEntry ContainerStore::find(std::string_view name) const {
    const int containers_fd = store_.containers_fd();
    if (const std::optional<std::string> id = try_read_name(containers_fd, std::string(name))) {
        std::optional<ContainerEntry> entry = try_load(containers_fd, *id);
        if (entry) return std::move(*entry);
    }
    std::optional<std::string> found;
    if (is_hex(name) && name.size() <= kIdDigits) {
        for (std::string& id : base::list_dir(containers_fd)) {
            if (!is_id(id) || id.compare(0, name.size(), name) != 0) continue;
            if (found) {
                throw base::UsageError("container id prefix " + base::quote(name) + " is ambiguous",
                                       "give more digits", base::exit_code::kFailure);
            }
            found = std::move(id);
        }
    }
    if (found) {
        std::optional<ContainerEntry> entry = try_load(containers_fd, *found);
        if (entry) return std::move(*entry);
    }
    throw base::NotFoundError("no such container: " + base::quote(name),
                              cure_for(containers_fd, name));
}

std::optional<OwnedContainer> ContainerStore::try_own(const std::string& id) const {
    std::optional<UniqueFd> dir;
    if (is_id(id)) {
        dir = base::try_open_at(store_.containers_fd(), id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    }
    // Whoever is removing it is waited for.
    std::optional<base::FileLock> stays;
    if (dir) stays = base::FileLock::acquire_directory(dir->get(), base::LockMode::shared);
    if (!stays) throw base::NotFoundError("no such container: " + base::quote(id));
    std::optional<base::FileLock> lock =
        base::FileLock::try_acquire(dir->get(), kLock, base::LockMode::exclusive);
    if (!lock) return std::nullopt;
    return OwnedContainer{id, std::move(*dir), std::move(*lock), {}};
}

void ContainerStore::remove(OwnedContainer container, const json::Value* record) const {
    const int containers_fd = store_.containers_fd();
    const auto free_name = [&](const std::string& name) {
        if (try_read_name(containers_fd, name) != container.id) return false;
        base::unlink_at(containers_fd, link_of(name), true);
        return true;
    };
    if (!free_name(container.name)) {
        const std::optional<ContainerEntry> entry = try_load(containers_fd, container.id);
        if (entry) (void)free_name(entry->name);
    }
    // Without its record it is nobody's container any more: a killed removal is finished by a
    // sweep.
    // Only one that is kept has a log; the record of a one-shot run is not read for its end.
    Event event = container_event("destroy", record != nullptr ? *record : json::Value());
    event.id = container.id;
    if (event.name.empty()) event.name = container.name;
    if (base::exists_at(container.dir.get(), "log")) {
        if (const auto entry = try_load(containers_fd, container.id)) {
            remove_outside_log(log_options_from(entry->record["log"]));
            event = container_event("destroy", entry->record);
        }
    }
    const auto goes =
        base::FileLock::acquire_directory(container.dir.get(), base::LockMode::exclusive);
    base::unlink_at(container.dir.get(), kRecord, true);
    kernel::remove_tree(containers_fd, container.id);
    append_event(store_, event);
}

bool ContainerStore::has_record(const std::string& id) const {
    return base::exists_at(store_.containers_fd(), id + "/" + kRecord);
}

bool ContainerStore::remove_half_made(OwnedContainer container) const {
    base::unlink_at(container.dir.get(), kRecord, true);
    const std::string id = container.id;
    { const OwnedContainer let_go = std::move(container); }
    return remove_if_unfinished(id);
}

bool ContainerStore::remove_if_unfinished(const std::string& id) const {
    const int containers_fd = store_.containers_fd();
    if (!is_id(id) || has_record(id)) return false;
    const auto dir = base::try_open_at(containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!dir) return false;
    // Its maker or another remover is at it.
    const auto goes = base::FileLock::try_acquire_directory(dir->get(), base::LockMode::exclusive);
    if (!goes) return false;
    const auto lock = base::FileLock::try_acquire(dir->get(), kLock, base::LockMode::exclusive);
    if (!lock || base::exists_at(dir->get(), kRecord)) return false;
    kernel::remove_tree(containers_fd, id);
    return true;
}

void ContainerStore::free_stale_names() const {
    const int containers_fd = store_.containers_fd();
    const std::optional<UniqueFd> names =
        base::try_open_at(containers_fd, kNames, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!names) return;
    for (const std::string& name : base::list_dir(names->get())) {
        (void)free_stale_name(containers_fd, name);
    }
}

}  // namespace sandbox::store
