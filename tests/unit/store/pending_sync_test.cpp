#include "sandbox/store/pending_sync.hpp"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "sandbox/store/blob_store.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layer_store.hpp"
#include "temp_store.hpp"

namespace {

using namespace sandbox;
using std::chrono::seconds;
using store::BlobStore;
using store::ImageStore;
using store::LayerMode;
using store::LayerStore;

const oci::Digest kGood = oci::Digest::of("good");
const oci::Digest kTorn = oci::Digest::of("torn");
const oci::ChainId kChain{oci::Digest::of("chain")};

// Two images, a layer; all of it announced as unsynced.
struct PulledStore : test::TempStore {
    PulledStore() {
        const BlobStore blobs(store());
        blobs.put(kGood, "good");
        blobs.put(kTorn, "torn");
        const LayerStore layers(store());
        layers.commit(layers.stage(), {.chain = kChain, .diff = {kGood}, .blob = kGood},
                      LayerMode::single);
        for (const auto& [name, blob] : {std::pair("whole", kGood), std::pair("half", kTorn)}) {
            store::ImageRecord record{.id = oci::Digest::of(name), .manifest = kGood};
            record.reference = oci::Reference::parse(name);
            record.layer_blobs = {blob};
            record.chains = {kChain};
            ImageStore(store()).put(record);
        }
        store::announce_unsynced(store(), {kGood, kTorn},
                                 {LayerStore::name(kChain, LayerMode::single)});
    }
    [[nodiscard]] std::vector<std::string> lists() const {
        const auto dir = base::try_open_at(store().root_fd(), "pending", O_RDONLY | O_DIRECTORY);
        return dir ? base::list_dir(dir->get()) : std::vector<std::string>();
    }
    void pretend_reboot() const {
        const base::UniqueFd dir = base::open_dir(path("pending"));
        for (const std::string& name : lists()) {
            std::string text = base::read_file_at(dir.get(), name, 1u << 20);
            text.replace(5, 8, "00000000");
            base::write_file_atomic(dir.get(), name, text, 0600, base::Durability::volatile_data);
        }
    }
    void tear_blob() const {
        base::write_file_atomic(store().blobs_fd(), kTorn.hex(), "", 0600,
                                base::Durability::volatile_data);
    }
};

}  // namespace

TEST_CASE("what was published in this boot stays, and is settled after a while") {
    const PulledStore pulled;
    CHECK(pulled.lists().size() == 1);
    (void)store::Store::open_at(pulled.root());
    CHECK(pulled.lists().size() == 1);
    store::settle_pending(pulled.store(), seconds{0});
    CHECK(pulled.lists().empty());
    CHECK_FALSE(base::exists_at(pulled.store().root_fd(), "pending"));
    CHECK(ImageStore(pulled.store()).list().size() == 2);
    CHECK(LayerStore(pulled.store()).exists(kChain, LayerMode::single));
    // And again from the start.
    store::announce_unsynced(pulled.store(), {kGood}, {});
    CHECK(pulled.lists().size() == 1);
}

TEST_CASE("after a power cut an image is whole or absent") {
    const PulledStore pulled;
    pulled.pretend_reboot();
    pulled.tear_blob();
    const store::Store store = store::Store::open_at(pulled.root());
    CHECK(pulled.lists().empty());
    CHECK(BlobStore(store).exists(kGood));
    CHECK_FALSE(BlobStore(store).exists(kTorn));
    // The layer comes back from its blob when it is needed.
    CHECK_FALSE(LayerStore(store).exists(kChain, LayerMode::single));
    CHECK(ImageStore(store).try_find("whole"));
    CHECK_FALSE(ImageStore(store).try_find("half"));
}

TEST_CASE("objects that are gone by then do not hinder a recovery") {
    const PulledStore pulled;
    pulled.pretend_reboot();
    BlobStore(pulled.store()).remove(kGood);
    BlobStore(pulled.store()).remove(kTorn);
    LayerStore(pulled.store()).remove(LayerStore::name(kChain, LayerMode::single));
    const store::Store store = store::Store::open_at(pulled.root());
    CHECK(pulled.lists().empty());
    CHECK(ImageStore(store).list().empty());
}
