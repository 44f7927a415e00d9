#include "sandbox/store/layer_store.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "temp_store.hpp"

namespace {

using namespace sandbox;
using store::LayerMeta;
using store::LayerMode;
using store::LayerStore;

oci::Digest digest_of(char c) {
    return oci::Digest::from_hex(std::string(64, c));
}

LayerMeta make_meta() {
    LayerMeta meta{.chain = {digest_of('a')}, .diff = {digest_of('b')}, .blob = digest_of('c')};
    meta.unpacked_bytes = 5;
    meta.entries = 7;
    meta.notices = {"left out \"x\""};
    return meta;
}

}  // namespace

TEST_CASE("a layer has its name when it is whole, and both modes live side by side") {
    const test::TempStore temp;
    const LayerStore layers(temp.store());
    const LayerMeta meta = make_meta();
    for (const LayerMode mode : {LayerMode::single, LayerMode::range}) {
        base::TempDir staged = layers.stage();
        CHECK(base::exists_at(staged.fd(), "fs"));
        CHECK_FALSE(layers.exists(meta.chain, mode));
        layers.commit(std::move(staged), meta, mode);
        CHECK(layers.exists(meta.chain, mode));
    }
    const std::optional<LayerMeta> read = layers.try_load(meta.chain, LayerMode::range);
    REQUIRE(read);
    CHECK(read->diff == meta.diff);
    CHECK(read->blob == meta.blob);
    CHECK(read->unpacked_bytes == 5);
    CHECK(read->entries == 7);
    CHECK(read->notices == meta.notices);
    CHECK(layers.list().size() == 2);
    layers.remove(LayerStore::name(meta.chain, LayerMode::range));
    layers.remove(LayerStore::name(meta.chain, LayerMode::range));
    CHECK_FALSE(layers.exists(meta.chain, LayerMode::range));
    CHECK(base::list_dir(temp.store().layers_fd()).size() == 1);
}

TEST_CASE("the second of two equal layers is discarded") {
    const test::TempStore temp;
    const LayerStore layers(temp.store());
    base::TempDir first = layers.stage();
    base::TempDir second = layers.stage();
    layers.commit(std::move(first), make_meta(), LayerMode::single);
    layers.commit(std::move(second), make_meta(), LayerMode::single);
    CHECK(base::list_dir(temp.store().layers_fd()).size() == 1);
}

TEST_CASE("staging that is not committed is gone") {
    const test::TempStore temp;
    const LayerStore layers(temp.store());
    { const base::TempDir staged = layers.stage(); }
    layers.discard(layers.stage());
    CHECK(base::list_dir(temp.store().layers_fd()).empty());
    CHECK_FALSE(layers.try_load(make_meta().chain, LayerMode::single));
}
