// A layer on its way: staging directory, its fs/ and owners, removed unless published.
#pragma once

#include <optional>
#include <string>

#include "sandbox/base/temp_dir.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/store/layer_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::image {

class StagedLayer {
  public:
    StagedLayer(const store::Store& store, store::LayerMode mode);
    StagedLayer(const StagedLayer&) = delete;
    StagedLayer& operator=(const StagedLayer&) = delete;
    ~StagedLayer();

    [[nodiscard]] int fs_fd() const noexcept { return fs_.get(); }
    [[nodiscard]] int owners_fd() const noexcept { return owners_.get(); }  // -1: range mode
    void close_owners() noexcept { owners_.reset(); }
    void write_meta(const store::LayerMeta& meta);
    void publish(const oci::ChainId& chain);

  private:
    store::LayerStore layers_;
    store::LayerMode mode_;
    std::optional<base::TempDir> dir_;
    base::UniqueFd fs_;
    base::UniqueFd owners_;
};

}  // namespace sandbox::image
