#include "staged_layer.hpp"

#include <fcntl.h>

#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"

namespace sandbox::image {

StagedLayer::StagedLayer(const store::Store& store, store::LayerMode mode)
    : layers_(store), mode_(mode), dir_(layers_.stage()) {
    fs_ = base::open_at(dir_->fd(), "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (mode == store::LayerMode::single) {
        owners_ = base::open_at(dir_->fd(), "owners",
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND, 0600);
    }
}

StagedLayer::~StagedLayer() {
    if (!dir_) return;
    try {
        layers_.discard(std::move(*dir_));
    } catch (const std::exception& error) {  // found and removed by the next command
        base::log::debug(error.what());
    }
}

void StagedLayer::write_meta(const store::LayerMeta& meta) {
    layers_.write_meta(*dir_, meta);
}

void StagedLayer::publish(const oci::ChainId& chain) {
    layers_.publish(std::move(*dir_), chain, mode_);
    dir_.reset();
}

}  // namespace sandbox::image
