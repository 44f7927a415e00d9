// Content-addressed blobs. What is in blobs/sha256 was verified before it got its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/file_lock.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/oci/digest.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::store {

// A blob on its way: blobs/partial/<hex>, kept across runs so that a download resumes.
// Exactly one process has it (a lock); a second one waits and then finds the blob whole.
class PartialBlob {
  public:
    PartialBlob(PartialBlob&&) noexcept = default;
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }  // read-write
    [[nodiscard]] std::uint64_t size_bytes() const noexcept { return size_bytes_; }
    void append(std::string_view data);
    void truncate(std::uint64_t size_bytes);
    // Of all bytes: hashed while they were appended, those of former runs read from the file.
    [[nodiscard]] oci::Digest content_digest();
    // Must be called only after digest and size were verified: fsync, rename, fsync of directory.
    void commit(const Store& store) &&;
    // commit() without the syncs, for a caller that cares for them for many objects at once.
    void publish(const Store& store) &&;
    void discard(const Store& store) &&;  // content turned out wrong: remove it

  private:
    friend class BlobStore;
    PartialBlob(oci::Digest digest, base::UniqueFd fd, base::FileLock lock, std::uint64_t size);
    void hash_rest();
    oci::Digest digest_;
    base::UniqueFd fd_;
    base::FileLock lock_;
    std::uint64_t size_bytes_;
    base::Sha256 hash_;  // of the first hashed_bytes_
    std::uint64_t hashed_bytes_ = 0;
};

enum class PartialState { ours, whole, busy };

class BlobStore {
  public:
    explicit BlobStore(const Store& store) noexcept : store_(store) {}  // store must outlive this
    [[nodiscard]] bool exists(const oci::Digest& digest) const;
    [[nodiscard]] std::optional<base::UniqueFd> try_open(const oci::Digest& digest) const;
    [[nodiscard]] std::uint64_t size_bytes(const oci::Digest& digest) const;
    // Small documents (manifests, configs): read whole, the digest is verified again.
    [[nodiscard]] std::string read_verified(const oci::Digest& digest,
                                            std::uint64_t limit_bytes) const;
    // Without hashing: for paths that must be fast and where check() stands guard.
    [[nodiscard]] std::string read(const oci::Digest& digest, std::uint64_t limit_bytes) const;
    // Verifies, writes, syncs. Existing: nothing to do.
    void put(const oci::Digest& digest, std::string_view content) const;
    // Waits for another downloader of the same blob; absent when the blob is whole afterwards.
    [[nodiscard]] std::optional<PartialBlob> open_partial(const oci::Digest& digest) const;
    // The same without waiting. `partial` is set when the answer is `ours`; busy: somebody has it.
    [[nodiscard]] PartialState try_open_partial(const oci::Digest& digest,
                                                std::optional<PartialBlob>& partial) const;
    [[nodiscard]] std::vector<oci::Digest> list() const;
    void remove(const oci::Digest& digest) const;  // missing is fine

  private:
    std::optional<PartialBlob> take_partial(const oci::Digest& digest, base::FileLock lock,
                                            bool& stale) const;
    const Store& store_;
};

}  // namespace sandbox::store
