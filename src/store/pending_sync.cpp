#include "sandbox/store/pending_sync.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/blob_store.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layer_store.hpp"
#include "store/name_list.hpp"

namespace sandbox::store {
namespace {

using base::UniqueFd;

constexpr const char* kPendingDir = "pending";

// proc(5): a new one at each boot. Empty where /proc is missing: then nothing is left pending. Any
// other failure is one: taken for another boot, it would cost the layers of containers that run.
std::string boot_id() {
    constexpr const char* kPath = "/proc/sys/kernel/random/boot_id";
    const auto file = base::try_open_at(AT_FDCWD, kPath, O_RDONLY | O_NOCTTY);
    if (!file) return {};
    return base::with_context("read " + base::quote(kPath), [&] {
        return std::string(base::trim(base::read_fd(file->get(), 64)));
    });
}

// Answers the blobs that were removed.
std::set<oci::Digest> remove_what_is_not_whole(const Store& store, const NameList& list) {
    const LayerStore layers(store);
    for (const std::string& layer : list.layers) layers.remove(layer);
    const BlobStore blobs(store);
    std::set<oci::Digest> lost;
    for (const oci::Digest& digest : list.blobs) {
        const std::optional<UniqueFd> fd = blobs.try_open(digest);
        if (fd && base::sha256_hex_of_fd(fd->get()) == digest.hex()) continue;
        blobs.remove(digest);
        lost.insert(digest);
    }
    return lost;
}

void remove_images_without(const Store& store, const std::set<oci::Digest>& lost) {
    if (lost.empty()) return;
    const ImageStore images(store);
    for (const ImageRecord& record : images.list()) {
        const bool whole = std::none_of(record.layer_blobs.begin(), record.layer_blobs.end(),
                                        [&](const oci::Digest& d) { return lost.count(d) != 0; });
        if (!whole) images.remove_records_of(record.id);
    }
}

void recover(const Store& store, int pending_fd, const std::string& name, const std::string& boot) {
    const base::FileLock lock = store.lock(base::LockMode::exclusive);
    const std::optional<std::string> text =
        base::try_read_file_at(pending_fd, name, kMaxNameListBytes);
    if (!text) return;  // another process was faster
    const NameList list = parse_name_list(*text);
    if (list.boot == boot) return;
    base::log::notice("the machine stopped before a pull was on the disk: checking what it left");
    remove_images_without(store, remove_what_is_not_whole(store, list));
    base::sync_filesystem(store.root_fd());
    base::unlink_at(pending_fd, name, true);
}

bool is_older_than(int dir_fd, const std::string& name, std::chrono::seconds age) {
    struct stat info {};
    if (::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
    const std::int64_t now = base::now().seconds;
    // A clock that was set back must not keep a list for ever.
    return now < info.st_mtim.tv_sec || now - info.st_mtim.tv_sec >= age.count();
}

void settle(const Store& store, int pending_fd, std::chrono::seconds settle_after) {
    const std::string boot = boot_id();
    if (boot.empty()) return;  // for somebody who can tell boots apart
    std::vector<std::string> old;
    for (const std::string& name : base::list_dir(pending_fd)) {
        if (name.front() == '.') continue;  // being written: nothing of it is published yet
        const std::optional<std::string> text =
            base::try_read_file_at(pending_fd, name, kMaxNameListBytes);
        if (!text) continue;
        if (parse_name_list(*text).boot != boot) {
            recover(store, pending_fd, name, boot);
        } else if (is_older_than(pending_fd, name, settle_after)) {
            old.push_back(name);
        }
    }
    if (old.empty()) return;
    base::sync_filesystem(store.root_fd());
    for (const std::string& name : old) base::unlink_at(pending_fd, name, true);
    // Fails while others are listed: then it stays.
    (void)base::raw::unlinkat(store.root_fd(), kPendingDir, AT_REMOVEDIR);
}

}  // namespace

void announce_unsynced(const Store& store, const std::vector<oci::Digest>& blobs,
                       const std::vector<std::string>& layers) {
    const NameList list{boot_id(), blobs, layers};
    if (list.boot.empty()) {
        base::sync_filesystem(store.root_fd());
        return;
    }
    for (;;) {
        base::make_dir_at(store.root_fd(), kPendingDir, 0700);
        const std::optional<UniqueFd> dir =
            base::try_open_at(store.root_fd(), kPendingDir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!dir) continue;  // the last list went, and its directory with it
        try {
            base::write_file_atomic(dir->get(), base::random_hex(8), to_text(list), 0600,
                                    base::Durability::synced);
        } catch (const base::SysError& error) {
            if (error.errnum() == ENOENT) continue;
            throw;
        }
        base::sync_fd(store.root_fd());
        return;
    }
}

void settle_pending(const Store& store, std::chrono::seconds settle_after) {
    const std::optional<UniqueFd> dir =
        base::try_open_at(store.root_fd(), kPendingDir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (dir) settle(store, dir->get(), settle_after);
}

}  // namespace sandbox::store
