// Some layers of an image, from a source to published directories. Theory of operation:
// Each blob that is missing is written to its partial file (whose lock makes us its only writer)
// while one confined child per layer unpacks it from there. A blob that stands twice in an image
// comes once and is unpacked twice, since its two layers have different chain ids. Nothing is
// published before all is verified: then one synced list of what is not on the disk yet (see
// store/pending_sync.hpp), and all renames (blobs, layers).
// Must not: wait for another process while holding a partial blob's lock (two pulls that share
// blobs would wait for each other).
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blob_source.hpp"
#include "interrupt.hpp"
#include "sandbox/image/progress.hpp"
#include "sandbox/image/unpack.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/oci/digest.hpp"
#include "sandbox/oci/manifest.hpp"
#include "sandbox/store/blob_store.hpp"
#include "sandbox/store/layer_store.hpp"
#include "sandbox/store/layout.hpp"
#include "staged_layer.hpp"

namespace sandbox::image {

struct LayerWish {
    oci::Descriptor blob;
    oci::DiffId diff;
    oci::ChainId chain;
};

// What all batches of one image share; borrowed, must outlive them.
struct InstallContext {
    const store::Store& store;
    const kernel::IdMap& ids;
    BlobSource* source = nullptr;  // null: nothing may be fetched
    Progress& progress;
    const InterruptGuard& interrupt;
    [[nodiscard]] store::LayerMode mode() const noexcept {
        return ids.mode == kernel::IdMode::range ? store::LayerMode::range
                                                 : store::LayerMode::single;
    }
};

// A layer that was there when the batch began, and that one of the batch lies on, has been removed.
struct LowerLayerGone {};

class LayerBatch {
  public:
    // `layers`: the whole image, bottom first. Takes from `first` on what it can get without
    // waiting, at most kMaxLayers; must outlive the batch.
    LayerBatch(const InstallContext& context, const std::vector<LayerWish>& layers, size_t first);
    LayerBatch(const LayerBatch&) = delete;
    LayerBatch& operator=(const LayerBatch&) = delete;
    ~LayerBatch();

    [[nodiscard]] size_t end() const noexcept { return end_; }  // first layer not taken
    // Fetches, unpacks, verifies, publishes all that was taken. Answers the shared store lock,
    // taken before the first name: what was published is safe from sweeps as long as it is held.
    [[nodiscard]] std::optional<base::FileLock> run();

  private:
    static constexpr size_t kMaxLayers = 64;  // bounds the descriptors that are open at once

    struct LayerJob {
        size_t index = 0;  // in layers_
        std::unique_ptr<StagedLayer> staged{};
        std::optional<LayerUnpack> unpack{};
        std::optional<UnpackReport> report{};
    };
    struct BlobJob {
        oci::Descriptor blob;
        std::optional<store::PartialBlob> partial{};  // ours to fetch
        base::UniqueFd whole{};                       // it exists already
        std::vector<LayerJob> layers{};               // may be none: only the blob is missing
        std::string buffer{};                         // came, not written yet
        int tries = 0;
        std::uint64_t announced_bytes = 0;
        bool started = false;
        bool ended = false;      // the children know that no more comes
        bool restarted = false;  // the source began at 0 again
        bool transferring = false;
        bool finished = false;
        std::exception_ptr transfer_error{};
        std::exception_ptr unpack_error{};  // waits for the verdict on the blob
        [[nodiscard]] bool unpacked() const noexcept;
        [[nodiscard]] std::uint64_t available_bytes() const noexcept;
    };

    bool take(size_t index);
    BlobJob* find_job(const oci::Digest& blob) noexcept;
    void start_more();
    void start(BlobJob& job);
    void start_unpack(BlobJob& job);
    void start_transfer(BlobJob& job);
    void wait();
    void advance(BlobJob& job);
    static void receive(BlobJob& job, std::string_view data);
    static void flush(BlobJob& job);
    void announce(BlobJob& job);
    void collect(BlobJob& job);
    [[nodiscard]] static oci::Digest content_digest(BlobJob& job);
    void verify(BlobJob& job);
    void check_reports(const BlobJob& job) const;
    void fetch_again(BlobJob& job);
    void discard_bad(BlobJob& job);
    void adopt_dirs();
    [[nodiscard]] std::vector<base::UniqueFd> open_lowers(size_t below) const;
    [[nodiscard]] const LayerJob* staged_job(size_t index) const;
    void write_metas();
    void announce_names() const;
    [[nodiscard]] base::FileLock publish();
    void check_disk_space() const;
    void discard_partials() noexcept;

    const InstallContext& context_;
    const std::vector<LayerWish>& layers_;
    store::BlobStore blobs_;
    store::LayerStore layer_store_;
    size_t end_;
    std::vector<std::unique_ptr<BlobJob>> jobs_;  // in the order in which they start
};

}  // namespace sandbox::image
