// Unpacked layers: layers/<mode>-<chain hex>/{fs/, meta.json, owners}. A directory with that name
// is whole; anything unfinished has a staging name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/temp_dir.hpp"
#include "sandbox/oci/digest.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::store {

// single: all files are mine, their owners stand in `owners`. range: real owners (subuids).
enum class LayerMode { single, range };
[[nodiscard]] std::string_view name_of(LayerMode mode) noexcept;

struct LayerMeta {
    oci::ChainId chain;
    oci::DiffId diff;
    oci::Digest blob;                  // the compressed blob it came from
    std::uint64_t unpacked_bytes = 0;  // sum of regular files' sizes
    std::uint64_t entries = 0;
    std::vector<std::string> notices{};  // "device node \"dev/sda\" left out"
};

class LayerStore {
  public:
    explicit LayerStore(const Store& store) noexcept : store_(store) {}
    [[nodiscard]] static std::string name(const oci::ChainId& chain, LayerMode mode);
    [[nodiscard]] bool exists(const oci::ChainId& chain, LayerMode mode) const;
    [[nodiscard]] std::optional<LayerMeta> try_load(const oci::ChainId& chain,
                                                    LayerMode mode) const;
    // Staging directory below layers/, with an empty fs/ inside.
    [[nodiscard]] base::TempDir stage() const;
    // Writes meta.json, syncs the file system, renames. Somebody else's equal layer: discarded.
    void commit(base::TempDir staged, const LayerMeta& meta, LayerMode mode) const;
    // commit() in pieces, for a caller that syncs many layers at once: write_meta, sync, publish.
    void write_meta(const base::TempDir& staged, const LayerMeta& meta) const;
    void publish(base::TempDir staged, const oci::ChainId& chain, LayerMode mode) const;
    void discard(base::TempDir staged) const;             // whatever uid made what is in it
    void remove(const std::string& name) const;           // a name of list(); missing is fine
    [[nodiscard]] std::vector<std::string> list() const;  // directory names of whole layers

  private:
    const Store& store_;
};

}  // namespace sandbox::store
