#include "install.hpp"

#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

// Somebody prunes while we pull: what was there may be gone when we come to refer to it.
constexpr int kMaxRounds = 5;
constexpr int kOpenRounds = 2;  // in which a sweep may come between

std::uint64_t unpacked_bytes(const store::Store& store, const std::vector<LayerWish>& layers,
                             store::LayerMode mode) {
    const store::LayerStore layer_store(store);
    std::uint64_t total = 0;
    for (const LayerWish& layer : layers) {
        const std::optional<store::LayerMeta> meta = layer_store.try_load(layer.chain, mode);
        if (meta) total += meta->unpacked_bytes;
    }
    return total;
}

store::ImageRecord make_record(const InstallContext& context, const ResolvedImage& image,
                               const std::vector<LayerWish>& layers) {
    const oci::ImageConfig& config = image.parsed_config;
    store::ImageRecord record{.id = image.config.digest, .manifest = image.manifest.digest};
    if (image.index) record.index = image.index->digest;
    record.repo_digests = image.repo_digests;
    record.platform = config.platform;
    if (const auto created = base::try_parse_rfc3339(config.created)) {
        record.created = created->seconds;
    }
    record.size_bytes = unpacked_bytes(context.store, layers, context.mode());
    record.labels = config.labels;
    record.pulled_at = base::now().seconds;
    for (const LayerWish& layer : layers) {
        record.layer_blobs.push_back(layer.blob.digest);
        record.chains.push_back(layer.chain);
    }
    return record;
}

void put_documents(const store::Store& store, const ResolvedImage& image) {
    const store::BlobStore blobs(store);
    blobs.put(image.config.digest, image.config.text);
    blobs.put(image.manifest.digest, image.manifest.text);
    if (image.index) blobs.put(image.index->digest, image.index->text);
}

}  // namespace

ResolvedImage make_resolved(Document manifest, const std::string& content_type, Document config) {
    oci::Manifest parsed_manifest = base::with_context("manifest " + manifest.digest.str(), [&] {
        return oci::parse_manifest(manifest.text, content_type);
    });
    oci::ImageConfig parsed_config = base::with_context("config " + config.digest.str(), [&] {
        oci::ImageConfig parsed = oci::parse_image_config(config.text);
        oci::check_layer_count(parsed, parsed_manifest.layers.size());
        return parsed;
    });
    return ResolvedImage{.manifest = std::move(manifest),
                         .config = std::move(config),
                         .parsed_manifest = std::move(parsed_manifest),
                         .parsed_config = std::move(parsed_config)};
}

void check_platform(const oci::ImageConfig& config, const oci::Platform& wanted) {
    if (config.platform.architecture.empty() || wanted.fitness(config.platform) > 0) return;
    throw base::Error(
        "no image for platform " + wanted.str() + ": there is " + config.platform.str(),
        "--platform " + config.platform.str() + " takes it all the same");
}

std::vector<LayerWish> layer_wishes(const oci::Manifest& manifest, const oci::ImageConfig& config) {
    std::vector<LayerWish> layers;
    layers.reserve(manifest.layers.size());
    for (size_t i = 0; i < manifest.layers.size(); ++i) {
        const oci::DiffId& diff = config.diff_ids.at(i);
        const oci::ChainId* parent = layers.empty() ? nullptr : &layers.back().chain;
        layers.push_back({manifest.layers[i], diff, oci::ChainId::make(parent, diff)});
    }
    return layers;
}

bool has_all(const store::Store& store, const std::vector<LayerWish>& layers,
             store::LayerMode mode) {
    const store::BlobStore blobs(store);
    const store::LayerStore layer_store(store);
    for (const LayerWish& layer : layers) {
        if (!layer_store.exists(layer.chain, mode) || !blobs.exists(layer.blob.digest)) {
            return false;
        }
    }
    return true;
}

std::optional<base::FileLock> install_layers(const InstallContext& context,
                                             const std::vector<LayerWish>& layers) {
    const store::BlobStore blobs(context.store);
    std::optional<base::FileLock> lock;
    for (size_t next = 0; next < layers.size();) {
        lock.reset();  // a sweep may have its turn between batches, and while we wait
        LayerBatch batch(context, layers, next);
        lock = batch.run();
        // Another process fetches the next blob: wait until it has it, or has given it up.
        if (batch.end() == next) (void)blobs.open_partial(layers[next].blob.digest);
        next = batch.end();
    }
    return lock;
}

store::ImageRecord install_image(const InstallContext& context, const ResolvedImage& image) {
    const std::vector<LayerWish> layers = layer_wishes(image.parsed_manifest, image.parsed_config);
    const store::ImageStore images(context.store);
    for (int round = 0; round < kMaxRounds; ++round) {
        // Somebody prunes again and again: then he has to wait until we are done.
        std::optional<base::FileLock> guard;
        if (round >= kOpenRounds) guard = context.store.lock(base::LockMode::shared);
        std::optional<base::FileLock> lock;
        try {
            lock = install_layers(context, layers);
        } catch (const LowerLayerGone&) {
            continue;
        }
        if (!lock) lock = context.store.lock(base::LockMode::shared);
        if (!has_all(context.store, layers, context.mode())) continue;
        put_documents(context.store, image);
        store::ImageRecord record = make_record(context, image, layers);
        for (auto name = image.names.rbegin(); name != image.names.rend(); ++name) {
            record.reference = *name;
            images.put(record);  // the first name last: it is the one that is answered
        }
        if (image.names.empty()) images.put(record);
        return record;
    }
    throw base::Error("the image's layers are removed as fast as they come",
                      "is something pruning the store in a loop?");
}

}  // namespace sandbox::image
