#include "sandbox/store/blob_store.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/temp_dir.hpp"

namespace sandbox::store {
namespace {

using base::SysError;
using base::UniqueFd;

constexpr size_t kReadBytes = 256u << 10;

struct stat stat_of(int fd, const std::string& what) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) {
        const int errnum = errno;
        throw SysError(errnum, "look at", what);
    }
    return info;
}

bool is_hex_digest(std::string_view name) noexcept {
    return name.size() == 64 &&
           name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

PartialBlob::PartialBlob(oci::Digest digest, UniqueFd fd, base::FileLock lock, std::uint64_t size)
    : digest_(std::move(digest)), fd_(std::move(fd)), lock_(std::move(lock)), size_bytes_(size) {}

void PartialBlob::append(std::string_view data) {
    hash_rest();
    while (!data.empty()) {
        const long rc = base::raw::pwrite(fd_.get(), data.data(), data.size(),
                                          static_cast<std::int64_t>(size_bytes_));
        if (rc == -EINTR) continue;
        if (rc < 0) {
            throw SysError(static_cast<int>(-rc), "write blob", digest_.str(),
                           rc == -ENOSPC || rc == -EDQUOT
                               ? "free some space: `sandbox system prune` removes what is not used"
                               : "");
        }
        hash_.update(data.data(), static_cast<size_t>(rc));
        data.remove_prefix(static_cast<size_t>(rc));
        size_bytes_ += static_cast<std::uint64_t>(rc);
        hashed_bytes_ = size_bytes_;
    }
}

void PartialBlob::truncate(std::uint64_t size_bytes) {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size_bytes)) != 0) {
        const int errnum = errno;
        throw SysError(errnum, "truncate blob", digest_.str());
    }
    size_bytes_ = size_bytes;
    hash_ = base::Sha256();
    hashed_bytes_ = 0;
}

void PartialBlob::hash_rest() {
    if (hashed_bytes_ == size_bytes_) return;
    const auto buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
    while (hashed_bytes_ < size_bytes_) {
        const auto wanted =
            static_cast<size_t>(std::min<std::uint64_t>(kReadBytes, size_bytes_ - hashed_bytes_));
        const long rc = base::raw::pread(fd_.get(), buffer.get(), wanted,
                                         static_cast<std::int64_t>(hashed_bytes_));
        if (rc == -EINTR) continue;
        if (rc < 0) throw SysError(static_cast<int>(-rc), "read blob", digest_.str());
        if (rc == 0) throw base::IntegrityError("blob " + digest_.str() + " became shorter");
        hash_.update(buffer.get(), static_cast<size_t>(rc));
        hashed_bytes_ += static_cast<std::uint64_t>(rc);
    }
}

oci::Digest PartialBlob::content_digest() {
    hash_rest();
    oci::Digest digest = oci::Digest::from_hex(hash_.finish_hex());
    hash_ = base::Sha256();
    hashed_bytes_ = 0;
    return digest;
}

void PartialBlob::commit(const Store& store) && {
    base::sync_fd(fd_.get());
    std::move(*this).publish(store);
    base::sync_fd(store.blobs_fd());
}

void PartialBlob::publish(const Store& store) && {
    base::rename_at(store.partial_fd(), digest_.hex(), store.blobs_fd(), digest_.hex());
}

void PartialBlob::discard(const Store& store) && {
    base::unlink_at(store.partial_fd(), digest_.hex(), true);
}

bool BlobStore::exists(const oci::Digest& digest) const {
    return base::exists_at(store_.blobs_fd(), digest.hex());
}

std::optional<UniqueFd> BlobStore::try_open(const oci::Digest& digest) const {
    return base::try_open_at(store_.blobs_fd(), digest.hex(), O_RDONLY | O_NOFOLLOW);
}

std::uint64_t BlobStore::size_bytes(const oci::Digest& digest) const {
    const std::optional<UniqueFd> fd = try_open(digest);
    if (!fd) throw base::NotFoundError("no such blob: " + digest.str());
    return static_cast<std::uint64_t>(stat_of(fd->get(), digest.str()).st_size);
}

std::string BlobStore::read(const oci::Digest& digest, std::uint64_t limit_bytes) const {
    std::optional<std::string> content =
        base::try_read_file_at(store_.blobs_fd(), digest.hex(), static_cast<size_t>(limit_bytes));
    if (!content) {
        throw base::NotFoundError("no such blob: " + digest.str(),
                                  "pull the image again to get it back");
    }
    return std::move(*content);
}

std::string BlobStore::read_verified(const oci::Digest& digest, std::uint64_t limit_bytes) const {
    std::string content = read(digest, limit_bytes);
    const oci::Digest actual = oci::Digest::of(content);
    if (actual != digest) {
        throw base::IntegrityError(
            "stored blob " + digest.str() + " is damaged: its content has " + actual.str(),
            "`sandbox system check --repair`, then pull the image again");
    }
    return content;
}

void BlobStore::put(const oci::Digest& digest, std::string_view content) const {
    const oci::Digest actual = oci::Digest::of(content);
    if (actual != digest) {
        throw base::IntegrityError("blob " + digest.str() + " has the digest " + actual.str());
    }
    if (exists(digest)) return;
    base::write_file_atomic(store_.blobs_fd(), digest.hex(), content, 0600,
                            base::Durability::synced);
}

// The lock is on the partial file itself. Its former holder may have renamed or removed it while
// we waited: then we hold a lock on a file that is no longer the partial blob, and look again.
std::optional<PartialBlob> BlobStore::take_partial(const oci::Digest& digest, base::FileLock lock,
                                                   bool& stale) const {
    stale = false;
    std::optional<UniqueFd> fd =
        base::try_open_at(store_.partial_fd(), digest.hex(), O_RDWR | O_NOFOLLOW);
    const struct stat locked = stat_of(lock.fd(), digest.str());
    if (!fd) {
        stale = true;
        return std::nullopt;
    }
    const struct stat named = stat_of(fd->get(), digest.str());
    if (named.st_ino != locked.st_ino || named.st_dev != locked.st_dev) {
        stale = true;
        return std::nullopt;
    }
    if (exists(digest)) {  // a former run was killed after it had the blob by another way
        base::unlink_at(store_.partial_fd(), digest.hex(), true);
        return std::nullopt;
    }
    return PartialBlob(digest, std::move(*fd), std::move(lock),
                       static_cast<std::uint64_t>(named.st_size));
}

std::optional<PartialBlob> BlobStore::open_partial(const oci::Digest& digest) const {
    for (;;) {
        if (exists(digest)) return std::nullopt;
        base::FileLock lock =
            base::FileLock::acquire(store_.partial_fd(), digest.hex(), base::LockMode::exclusive,
                                    "waiting for another sandbox that fetches " + digest.str());
        bool stale = false;
        std::optional<PartialBlob> partial = take_partial(digest, std::move(lock), stale);
        if (!stale) return partial;
    }
}

PartialState BlobStore::try_open_partial(const oci::Digest& digest,
                                         std::optional<PartialBlob>& partial) const {
    partial.reset();
    for (;;) {
        if (exists(digest)) return PartialState::whole;
        std::optional<base::FileLock> lock = base::FileLock::try_acquire(
            store_.partial_fd(), digest.hex(), base::LockMode::exclusive);
        if (!lock) return PartialState::busy;
        bool stale = false;
        std::optional<PartialBlob> taken = take_partial(digest, std::move(*lock), stale);
        if (stale) continue;
        if (!taken) return PartialState::whole;
        partial.emplace(std::move(*taken));
        return PartialState::ours;
    }
}

std::vector<oci::Digest> BlobStore::list() const {
    std::vector<oci::Digest> digests;
    for (const std::string& name : base::list_dir(store_.blobs_fd())) {
        if (is_hex_digest(name)) digests.push_back(oci::Digest::from_hex(name));
    }
    return digests;
}

void BlobStore::remove(const oci::Digest& digest) const {
    base::unlink_at(store_.blobs_fd(), digest.hex(), true);
}

}  // namespace sandbox::store
