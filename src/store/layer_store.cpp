#include "sandbox/store/layer_store.hpp"

#include <cerrno>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::store {
namespace {

namespace json = base::json;

constexpr const char* kMetaFile = "meta.json";
constexpr size_t kMaxMetaBytes = 8u << 20;

std::string to_json(const LayerMeta& meta) {
    json::Object object;
    object.append("chain", meta.chain.digest.str());
    object.append("diff", meta.diff.digest.str());
    object.append("blob", meta.blob.str());
    object.append("unpacked_bytes", meta.unpacked_bytes);
    object.append("entries", meta.entries);
    object.append("notices", meta.notices);
    return json::dump(json::Value(std::move(object))) + "\n";
}

LayerMeta parse_meta(const std::string& text) {
    const json::Value value = json::parse(text, {.max_bytes = kMaxMetaBytes});
    LayerMeta meta{.chain = {oci::Digest::parse(value.string_or("chain"))},
                   .diff = {oci::Digest::parse(value.string_or("diff"))},
                   .blob = oci::Digest::parse(value.string_or("blob"))};
    meta.unpacked_bytes = value["unpacked_bytes"].try_u64().value_or(0);
    meta.entries = value["entries"].try_u64().value_or(0);
    meta.notices = value["notices"].strings();
    return meta;
}

}  // namespace

std::string_view name_of(LayerMode mode) noexcept {
    return mode == LayerMode::range ? "range" : "single";
}

std::string LayerStore::name(const oci::ChainId& chain, LayerMode mode) {
    return std::string(name_of(mode)) + "-" + chain.digest.hex();
}

bool LayerStore::exists(const oci::ChainId& chain, LayerMode mode) const {
    return base::exists_at(store_.layers_fd(), name(chain, mode));
}

std::optional<LayerMeta> LayerStore::try_load(const oci::ChainId& chain, LayerMode mode) const {
    const std::string path = name(chain, mode) + "/" + kMetaFile;
    const std::optional<std::string> text =
        base::try_read_file_at(store_.layers_fd(), path, kMaxMetaBytes);
    if (!text) return std::nullopt;
    return base::with_context("layer record " + base::quote(path),
                              [&] { return parse_meta(*text); });
}

base::TempDir LayerStore::stage() const {
    base::TempDir staged(store_.layers_fd());
    base::make_dir_at(staged.fd(), "fs", 0755);
    // An image's root directory without an entry of its own is 0755, whatever our umask is.
    const base::UniqueFd fs = base::open_at(staged.fd(), "fs", O_RDONLY | O_DIRECTORY);
    if (const int rc = base::raw::fchmod(fs.get(), 0755); rc < 0) {
        throw base::SysError(-rc, "set mode of", "\"fs\"");
    }
    return staged;
}

void LayerStore::write_meta(const base::TempDir& staged, const LayerMeta& meta) const {
    base::write_file_atomic(staged.fd(), kMetaFile, to_json(meta), 0600,
                            base::Durability::volatile_data);
}

void LayerStore::publish(base::TempDir staged, const oci::ChainId& chain, LayerMode mode) const {
    try {
        staged.commit(store_.layers_fd(), name(chain, mode));
    } catch (const base::SysError& error) {
        if (error.errnum() != EEXIST && error.errnum() != ENOTEMPTY) throw;
        discard(std::move(staged));  // somebody was faster: the same content
    }
}

void LayerStore::commit(base::TempDir staged, const LayerMeta& meta, LayerMode mode) const {
    write_meta(staged, meta);
    base::sync_filesystem(staged.fd());
    publish(std::move(staged), meta.chain, mode);
    base::sync_fd(store_.layers_fd());
}

void LayerStore::discard(base::TempDir staged) const {
    const std::string name = staged.name();
    staged.release();
    if (!name.empty()) kernel::remove_tree(store_.layers_fd(), name);
}

void LayerStore::remove(const std::string& name) const {
    // Renamed first: a layer's name promises that it is whole.
    const std::string doomed = ".tmp-" + base::random_hex(8);
    const int rc =
        base::raw::renameat2(store_.layers_fd(), name.c_str(), store_.layers_fd(), doomed.c_str());
    if (rc == -ENOENT) return;
    if (rc < 0) throw base::SysError(-rc, "remove layer", base::quote(name));
    kernel::remove_tree(store_.layers_fd(), doomed);
}

std::vector<std::string> LayerStore::list() const {
    std::vector<std::string> names;
    for (std::string& name : base::list_dir(store_.layers_fd())) {
        if (name.front() != '.') names.push_back(std::move(name));
    }
    return names;
}

}  // namespace sandbox::store
