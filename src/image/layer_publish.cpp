// The second half of a batch: all is verified, now the layers get their final directories' looks
// and their names.
#include <fcntl.h>

#include "layer_batch.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/pending_sync.hpp"

namespace sandbox::image {

const LayerBatch::LayerJob* LayerBatch::staged_job(size_t index) const {
    for (const auto& job : jobs_) {
        for (const LayerJob& layer : job->layers) {
            if (layer.index == index) return &layer;
        }
    }
    return nullptr;
}

// Top first: all that lies below layer `index`.
std::vector<base::UniqueFd> LayerBatch::open_lowers(size_t index) const {
    std::vector<base::UniqueFd> lowers;
    lowers.reserve(index);
    while (index-- > 0) {
        const LayerJob* staged = staged_job(index);
        const bool is_staged = staged != nullptr;
        const int dir_fd = is_staged ? staged->staged->fs_fd() : context_.store.layers_fd();
        const std::string path =
            is_staged ? "."
                      : store::LayerStore::name(layers_[index].chain, context_.mode()) + "/fs";
        lowers.push_back(base::open_at(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    }
    return lowers;
}

// Bottom first, so that what a layer adopts from is itself done.
void LayerBatch::adopt_dirs() {
    for (size_t index = 0; index < end_; ++index) {
        const LayerJob* layer = staged_job(index);
        if (layer == nullptr || layer->report->implied_dirs.empty() || index == 0) continue;
        const std::vector<base::UniqueFd> lowers = open_lowers(index);
        std::vector<int> lower_fds;
        for (const base::UniqueFd& lower : lowers) lower_fds.push_back(lower.get());
        adopt_implied_dirs(layer->staged->fs_fd(), layer->report->implied_dirs, lower_fds,
                           context_.ids, [&] { context_.interrupt.check(); });
    }
}

void LayerBatch::write_metas() {
    for (const auto& job : jobs_) {
        for (LayerJob& layer : job->layers) {
            const LayerWish& wish = layers_[layer.index];
            store::LayerMeta meta{.chain = wish.chain, .diff = wish.diff, .blob = wish.blob.digest};
            meta.unpacked_bytes = layer.report->unpacked_bytes;
            meta.entries = layer.report->entries;
            meta.notices = layer.report->notices;
            for (const std::string& notice : meta.notices) {
                base::log::notice("layer " + wish.blob.digest.short_hex() + ": " + notice);
            }
            layer.staged->write_meta(meta);
        }
    }
}

// A name promises that all behind it is whole: in this boot by the page cache, after a power cut by
// the list of what was not synced yet.
base::FileLock LayerBatch::publish() {
    write_metas();
    announce_names();
    base::FileLock lock = context_.store.lock(base::LockMode::shared);
    for (const auto& job : jobs_) {
        if (job->partial) std::move(*job->partial).publish(context_.store);
        for (LayerJob& layer : job->layers) layer.staged->publish(layers_[layer.index].chain);
    }
    return lock;
}

void LayerBatch::announce_names() const {
    std::vector<oci::Digest> blobs;
    std::vector<std::string> names;
    for (const auto& job : jobs_) {
        if (job->partial) blobs.push_back(job->blob.digest);
        for (const LayerJob& layer : job->layers) {
            names.push_back(store::LayerStore::name(layers_[layer.index].chain, context_.mode()));
        }
    }
    store::announce_unsynced(context_.store, blobs, names);
}

}  // namespace sandbox::image
