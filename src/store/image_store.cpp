// Theory of operation. images/refs/<reference> is the truth: a record a reference, written by
// rename. images/ids/<hex> lists the names of the records with that id, one a line; it is written
// before the record that it names and corrected after, so it may name too much (the record's own id
// decides) but not too little – unless power failed between, and then a scan finds what it lacks.
// images/lock is held by all who write.
#include "sandbox/store/image_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "image_record.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file_lock.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::store {
namespace {

using base::UniqueFd;

constexpr size_t kMaxRecordBytes = 16u << 20;  // a config's labels may fill megabytes
constexpr size_t kSmallRecordBytes = 64u << 10;
constexpr std::string_view kIdPrefix = "sha256:";

bool is_hex(std::string_view text) noexcept {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_temp(std::string_view name) noexcept {
    return name.substr(0, 1) == ".";
}

UniqueFd open_sub(int images_fd, const char* name) {
    base::make_dir_at(images_fd, name, 0700);
    return base::open_at(images_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// Both directories and the lock of those who write.
struct Writer {
    explicit Writer(int images_fd)
        : lock(base::FileLock::acquire(images_fd, "lock", base::LockMode::exclusive,
                                       "waiting for another sandbox to finish with the images")),
          refs(open_sub(images_fd, "refs")),
          ids(open_sub(images_fd, "ids")) {}
    base::FileLock lock;
    UniqueFd refs;
    UniqueFd ids;
};

std::optional<ImageRecord> try_load(int refs_fd, const std::string& name) {
    const std::optional<std::string> text = base::try_read_file_at(refs_fd, name, kMaxRecordBytes);
    if (!text) return std::nullopt;
    return base::with_context("image record " + base::quote(name),
                              [&] { return parse_image_record(*text); });
}

// For lists of thousands: one read of a record that is small, as all but a few are. Absent: large,
// removed meanwhile, or odd; try_load() knows what then.
std::optional<std::string_view> try_read_small(int refs_fd, const std::string& name,
                                               std::vector<char>& buffer) {
    const int rc = base::raw::openat(refs_fd, name.c_str(),
                                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (rc < 0) return std::nullopt;
    const UniqueFd fd(rc);
    const long size = base::raw::read(fd.get(), buffer.data(), buffer.size());
    if (size <= 0 || size == static_cast<long>(buffer.size())) return std::nullopt;
    return std::string_view(buffer.data(), static_cast<size_t>(size));
}

// As try_load(), but a damaged record is as good as none: it is about to be replaced.
std::optional<ImageRecord> try_load_sound(int refs_fd, const std::string& name) {
    try {
        return try_load(refs_fd, name);
    } catch (const base::IntegrityError& error) {
        base::log::debug(error.what());
        return std::nullopt;
    }
}

std::vector<std::string> index_names(int ids_fd, const oci::Digest& id) {
    const std::optional<std::string> text =
        base::try_read_file_at(ids_fd, id.hex(), kMaxRecordBytes);
    std::vector<std::string> names;
    if (!text) return names;
    for (std::string& name : base::split(*text, '\n')) {
        if (!name.empty() && name.find('/') == std::string::npos) names.push_back(std::move(name));
    }
    return names;
}

void save_index(int ids_fd, const oci::Digest& id, std::vector<std::string> names) {
    if (names.empty()) {
        base::unlink_at(ids_fd, id.hex(), true);
        return;
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    base::write_file_atomic(ids_fd, id.hex(), base::join(names, "\n") + "\n", 0600,
                            base::Durability::volatile_data);
}

void add_to_index(int ids_fd, const oci::Digest& id, const std::string& name) {
    std::vector<std::string> names = index_names(ids_fd, id);
    if (std::find(names.begin(), names.end(), name) != names.end()) return;
    names.push_back(name);
    save_index(ids_fd, id, std::move(names));
}

void drop_from_index(int ids_fd, const oci::Digest& id, const std::string& name) {
    std::vector<std::string> names = index_names(ids_fd, id);
    std::erase(names, name);
    save_index(ids_fd, id, std::move(names));
}

void write_record(const Writer& writer, const std::string& name, const ImageRecord& record) {
    add_to_index(writer.ids.get(), record.id, name);
    base::write_file_atomic(writer.refs.get(), name, to_text(record), 0600,
                            base::Durability::synced);
}

// Names of sound records with that id, other than `except`.
std::vector<std::string> other_names(const Writer& writer, const oci::Digest& id,
                                     const std::string& except) {
    std::vector<std::string> names;
    for (std::string& name : index_names(writer.ids.get(), id)) {
        if (name == except) continue;
        const std::optional<ImageRecord> record = try_load_sound(writer.refs.get(), name);
        if (record && record->id == id) names.push_back(std::move(name));
    }
    return names;
}

// `former` stood under `name` and is about to lose it: without another name it becomes dangling.
void keep_as_dangling(const Writer& writer, ImageRecord former, const std::string& name) {
    if (!other_names(writer, former.id, name).empty()) return;
    const oci::Digest id = former.id;
    former.reference.reset();
    write_record(writer, dangling_file_name(id), former);
}

}  // namespace

std::vector<ImageRecord> ImageStore::load_all(std::vector<std::string>& damaged) const {
    std::vector<ImageRecord> records;
    const std::optional<UniqueFd> refs =
        base::try_open_at(store_.images_fd(), "refs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!refs) return records;
    std::vector<char> buffer(kSmallRecordBytes);
    for (const std::string& name : base::list_dir(refs->get())) {
        if (is_temp(name)) continue;
        try {
            const std::optional<std::string_view> text = try_read_small(refs->get(), name, buffer);
            std::optional<ImageRecord> record =
                text ? parse_image_record(*text) : try_load(refs->get(), name);
            if (record) records.push_back(std::move(*record));  // absent: removed meanwhile
        } catch (const base::Error& error) {
            base::log::debug(error.what());
            damaged.push_back(name);
        }
    }
    return records;
}

std::vector<ImageRecord> ImageStore::list() const {
    std::vector<std::string> damaged;
    std::vector<ImageRecord> records = load_all(damaged);
    for (const std::string& name : damaged) {
        base::log::warning("image record " + base::quote(name) +
                           " is damaged (`sandbox system check --repair` removes it)");
    }
    return records;
}

std::vector<std::string> ImageStore::list_damaged() const {
    std::vector<std::string> damaged;
    (void)load_all(damaged);
    return damaged;
}

void ImageStore::check_record(const std::string& record_name) const {
    const std::string path = "refs/" + record_name;
    struct stat info {};
    if (::fstatat(store_.images_fd(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISREG(info.st_mode)) {
        throw base::IntegrityError("not a regular file");
    }
    const std::optional<std::string> text =
        base::try_read_file_at(store_.images_fd(), path, kMaxRecordBytes);
    if (text) (void)parse_image_record(*text);
}

void ImageStore::remove_damaged(const std::string& record_name) const {
    const Writer writer(store_.images_fd());
    base::unlink_at(writer.refs.get(), record_name, true);
}

std::optional<ImageRecord> ImageStore::try_get(const oci::Reference& reference) const {
    return try_load(store_.images_fd(), "refs/" + file_name_of(reference));
}

std::optional<ImageRecord> ImageStore::try_first_with_id(const oci::Digest& id) const {
    const std::optional<UniqueFd> ids =
        base::try_open_at(store_.images_fd(), "ids", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (ids) {
        for (const std::string& name : index_names(ids->get(), id)) {
            std::optional<ImageRecord> record = try_load(store_.images_fd(), "refs/" + name);
            if (record && record->id == id) return record;
        }
    }
    return std::nullopt;
}

std::optional<ImageRecord> ImageStore::try_find_id(std::string_view prefix) const {
    if (prefix.size() == 64) {
        if (auto record = try_first_with_id(oci::Digest::from_hex(prefix))) return record;
    }
    std::optional<ImageRecord> found;
    const std::optional<UniqueFd> ids =
        base::try_open_at(store_.images_fd(), "ids", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const std::vector<std::string> names =
        ids ? base::list_dir(ids->get()) : std::vector<std::string>();
    auto next = std::lower_bound(names.begin(), names.end(), prefix);
    for (; next != names.end() && next->compare(0, prefix.size(), prefix) == 0; ++next) {
        if (next->size() != 64 || !is_hex(*next)) continue;
        std::optional<ImageRecord> record = try_first_with_id(oci::Digest::from_hex(*next));
        if (!record) continue;
        if (found) {
            throw base::UsageError("image id prefix " + base::quote(prefix) + " is ambiguous",
                                   "give more digits");
        }
        found = std::move(record);
    }
    if (found) return found;
    for (ImageRecord& record : list()) {  // the index lacks it: see above
        if (record.id.hex().compare(0, prefix.size(), prefix) == 0) return std::move(record);
    }
    return std::nullopt;
}

std::optional<ImageRecord> ImageStore::try_find(std::string_view name) const {
    if (name.substr(0, kIdPrefix.size()) == kIdPrefix && is_hex(name.substr(kIdPrefix.size())) &&
        name.size() > kIdPrefix.size() && name.size() <= kIdPrefix.size() + 64) {
        return try_find_id(name.substr(kIdPrefix.size()));
    }
    if (name.size() == 64 && is_hex(name)) return try_find_id(name);
    const oci::Reference reference = oci::Reference::parse(name);
    if (!reference.digest()) {
        if (std::optional<ImageRecord> record = try_get(reference)) return record;
        return oci::looks_like_id(name) ? try_find_id(name) : std::nullopt;
    }
    const oci::Reference by_digest = reference.with_digest(*reference.digest());
    if (std::optional<ImageRecord> record = try_get(by_digest)) return record;
    const std::string wanted = by_digest.str();
    for (ImageRecord& record : list()) {
        const auto& digests = record.repo_digests;
        if (std::find(digests.begin(), digests.end(), wanted) != digests.end()) {
            return std::move(record);
        }
    }
    return std::nullopt;
}

ImageRecord ImageStore::find(std::string_view name) const {
    std::optional<ImageRecord> record = try_find(name);
    if (!record) {
        throw base::NotFoundError("no such image: " + base::quote(name),
                                  "`sandbox images` lists what is there");
    }
    return std::move(*record);
}

void ImageStore::put(const ImageRecord& record) const {
    const Writer writer(store_.images_fd());
    const std::string dangling = dangling_file_name(record.id);
    const std::string name = record.reference ? file_name_of(*record.reference) : dangling;
    if (!record.reference && !other_names(writer, record.id, name).empty()) return;
    std::optional<ImageRecord> former = try_load_sound(writer.refs.get(), name);
    const bool moves = former && former->id != record.id;
    if (moves) keep_as_dangling(writer, *former, name);
    write_record(writer, name, record);
    if (moves) drop_from_index(writer.ids.get(), former->id, name);
    if (record.reference && base::exists_at(writer.refs.get(), dangling)) {
        base::unlink_at(writer.refs.get(), dangling, true);
        drop_from_index(writer.ids.get(), record.id, dangling);
    }
}

void ImageStore::remove_reference(const oci::Reference& reference) const {
    const Writer writer(store_.images_fd());
    const std::string name = file_name_of(reference);
    std::optional<ImageRecord> former = try_load_sound(writer.refs.get(), name);
    if (former) keep_as_dangling(writer, *former, name);
    base::unlink_at(writer.refs.get(), name, true);
    if (!former) return;
    drop_from_index(writer.ids.get(), former->id, name);
    append_event(store_, image_event("untag", former->id.str(), reference.str()));
}

void ImageStore::remove_records_of(const oci::Digest& id) const {
    const Writer writer(store_.images_fd());
    std::vector<std::string> names = other_names(writer, id, "");
    // The index may lack a name after a power cut.
    for (const ImageRecord& record : list()) {
        if (record.id != id) continue;
        names.push_back(record.reference ? file_name_of(*record.reference)
                                         : dangling_file_name(id));
    }
    for (const std::string& name : names) base::unlink_at(writer.refs.get(), name, true);
    base::sync_fd(writer.refs.get());
    save_index(writer.ids.get(), id, {});
    append_event(store_, image_event("delete", id.str(), id.str()));
}

}  // namespace sandbox::store
