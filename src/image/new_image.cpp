// The stream is compressed into a staged file; a confined child unpacks that file while it grows,
// and tells both digests. The layer is published like one that was pulled.
#include "sandbox/image/new_image.hpp"

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "image/disk_space.hpp"
#include "image/gzip_writer.hpp"
#include "image/install.hpp"
#include "image/interrupt.hpp"
#include "image/plain_stream.hpp"
#include "image/staged_layer.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/temp_dir.hpp"
#include "sandbox/image/unpack.hpp"
#include "sandbox/store/blob_store.hpp"
#include "sandbox/store/pending_sync.hpp"

namespace sandbox::image {
namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

constexpr size_t kChunkBytes = 256u << 10;

// What the base brings along.
struct BaseLayers {
    std::vector<oci::Descriptor> layers;
    std::vector<oci::DiffId> diffs;
    std::vector<oci::ChainId> chains;
};

BaseLayers base_layers(const store::Store& store, const NewImage& image) {
    BaseLayers base;
    if (!image.base) return base;
    const store::BlobStore blobs(store);
    const oci::Manifest manifest =
        oci::parse_manifest(blobs.read_verified(image.base->manifest, oci::kMaxManifestBytes));
    const oci::ImageConfig config =
        oci::parse_image_config(blobs.read_verified(image.base->id, oci::kMaxConfigBytes));
    oci::check_layer_count(config, manifest.layers.size());
    base.layers = manifest.layers;
    base.diffs = config.diff_ids;
    base.chains = image.base->chains;
    return base;
}

class LayerMaker {
  public:
    LayerMaker(const store::Store& store, const kernel::IdMap& ids)
        : store_(store),
          ids_(ids),
          mode_(ids.mode == kernel::IdMode::range ? store::LayerMode::range
                                                  : store::LayerMode::single),
          file_(store.blobs_fd(), 0600),
          staged_(store, mode_) {}

    void fill(int tar_fd) {
        UnpackPlan plan;
        plan.blob_fd = file_.fd();
        plan.target_fd = staged_.fs_fd();
        plan.owners_fd = staged_.owners_fd();
        plan.ids = ids_;
        plan.limits.disk_reserve_bytes = disk_space(store_.root_fd()).reserve_bytes;
        LayerUnpack unpack = LayerUnpack::start(plan);
        const std::unique_ptr<GzipWriter> gzip =
            make_gzip_writer([&](std::span<const std::byte> bytes) {
                base::write_all(file_.fd(),
                                {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
                blob_bytes_ += bytes.size();
                unpack.announce(blob_bytes_);
            });
        std::vector<std::byte> chunk(kChunkBytes);
        for (;;) {
            const long rc = base::raw::read(tar_fd, chunk.data(), chunk.size());
            if (rc == -EINTR) continue;
            if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read the tar");
            if (rc == 0) break;
            plain_bytes_ += static_cast<std::uint64_t>(rc);
            gzip->write(std::span(chunk).first(static_cast<size_t>(rc)));
        }
        gzip->finish();
        unpack.end_of_blob(blob_bytes_);
        report_ = unpack.finish();
        blob_ = report_->blob;
        staged_.close_owners();
    }

    // Answers the store lock under which the layer has its name.
    base::FileLock publish(const BaseLayers& base) {
        adopt(base);
        const oci::ChainId* parent = base.chains.empty() ? nullptr : &base.chains.back();
        const oci::ChainId chain = oci::ChainId::make(parent, report_->diff);
        store::LayerMeta meta{chain, report_->diff, *blob_};
        meta.unpacked_bytes = report_->unpacked_bytes;
        meta.entries = report_->entries;
        meta.notices = report_->notices;
        for (const std::string& notice : meta.notices) base::log::notice(notice);
        staged_.write_meta(meta);
        store::announce_unsynced(store_, {*blob_}, {store::LayerStore::name(chain, mode_)});
        base::FileLock lock = store_.lock(base::LockMode::shared);
        file_.commit(store_.blobs_fd(), blob_->hex(), base::Durability::volatile_data);
        staged_.publish(chain);
        return lock;
    }

    [[nodiscard]] oci::Descriptor descriptor() const {
        return {oci::MediaType::layer_tar_gzip, *blob_, blob_bytes_, {}};
    }
    [[nodiscard]] const oci::DiffId& diff() const { return report_->diff; }
    [[nodiscard]] std::uint64_t plain_bytes() const noexcept { return plain_bytes_; }

  private:
    // Directories that the tar goes through without naming them are the base's.
    void adopt(const BaseLayers& base) const {
        if (report_->implied_dirs.empty()) return;
        const store::LayerStore layers(store_);
        std::vector<base::UniqueFd> lowers;
        std::vector<int> fds;
        for (auto chain = base.chains.rbegin(); chain != base.chains.rend(); ++chain) {
            if (!layers.exists(*chain, mode_)) continue;
            lowers.push_back(base::open_at(store_.layers_fd(),
                                           store::LayerStore::name(*chain, mode_) + "/fs",
                                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
            fds.push_back(lowers.back().get());
        }
        adopt_implied_dirs(staged_.fs_fd(), report_->implied_dirs, fds, ids_);
    }

    const store::Store& store_;
    const kernel::IdMap& ids_;
    store::LayerMode mode_;
    base::StagedFile file_;
    StagedLayer staged_;
    std::uint64_t blob_bytes_ = 0;
    std::uint64_t plain_bytes_ = 0;
    std::optional<UnpackReport> report_;
    std::optional<oci::Digest> blob_;
};

Document make_config(const NewImage& image, const std::vector<oci::DiffId>& diffs) {
    Object document = image.config;
    Array ids;
    for (const oci::DiffId& diff : diffs) ids.emplace_back(diff.digest.str());
    document["rootfs"] = Object{{"type", "layers"}, {"diff_ids", std::move(ids)}};
    std::string text = base::json::dump(Value(std::move(document)));
    oci::Digest digest = oci::Digest::of(text);
    return {std::move(digest), std::move(text)};
}

oci::Manifest make_manifest(const NewImage& image, const Document& config,
                            std::vector<oci::Descriptor> layers) {
    bool docker = image.format == NewImageFormat::docker;
    for (oci::Descriptor& layer : layers) {
        // docker's own type of manifest has no word for them.
        const bool common = layer.media_type == oci::MediaType::layer_tar ||
                            layer.media_type == oci::MediaType::layer_tar_gzip;
        docker = docker && common;
        layer.annotations.clear();
    }
    oci::Manifest manifest{docker ? oci::MediaType::docker_manifest : oci::MediaType::oci_manifest,
                           {docker ? oci::MediaType::docker_config : oci::MediaType::oci_config,
                            config.digest,
                            config.text.size(),
                            {}},
                           std::move(layers),
                           {}};
    return manifest;
}

}  // namespace

store::ImageRecord install_new_image(const store::Store& store, int tar_fd, const NewImage& image,
                                     const std::function<void()>& approve) {
    const kernel::IdMap ids = kernel::host_id_map();
    BaseLayers base = base_layers(store, image);
    if (base.layers.size() >= oci::kMaxLayers) {
        throw base::Error("the image has " + std::to_string(base.layers.size()) +
                              " layers, and that is the limit",
                          "`sandbox export` and `sandbox import` make one layer of them");
    }
    LayerMaker layer(store, ids);
    layer.fill(tar_fd);
    approve();
    const base::FileLock lock = layer.publish(base);
    base.layers.push_back(layer.descriptor());
    base.diffs.push_back(layer.diff());
    Document config = make_config(image, std::move(base.diffs));
    std::string text = oci::to_json(make_manifest(image, config, std::move(base.layers)));
    oci::Digest digest = oci::Digest::of(text);
    ResolvedImage resolved =
        make_resolved({std::move(digest), std::move(text)}, {}, std::move(config));
    if (image.name) resolved.names = {*image.name};
    Progress silent;
    const InterruptGuard interrupt;
    return install_image({store, ids, nullptr, silent, interrupt}, resolved);
}

Value load_config_document(const store::Store& store, const store::ImageRecord& record) {
    return base::json::parse(
        store::BlobStore(store).read_verified(record.id, oci::kMaxConfigBytes));
}

void write_plain(int in_fd, int out_fd) {
    PlainStream stream(in_fd);
    for (;;) {
        const std::span<const std::byte> block = stream.next();
        if (block.empty()) return;
        base::write_all(out_fd, {reinterpret_cast<const char*>(block.data()), block.size()});
    }
}

}  // namespace sandbox::image
