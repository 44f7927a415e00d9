#include "sandbox/image/remove.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/store/blob_store.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layer_store.hpp"
#include "unit/store/temp_store.hpp"

namespace {

using namespace sandbox;
using Names = std::vector<std::string>;
using store::LayerMode;
using store::LayerStore;

const oci::Digest kImage = oci::Digest::of("image");
const oci::Digest kManifest = oci::Digest::of("manifest");
const oci::ChainId kChain{oci::Digest::of("chain")};

// One image under several names; "NAME@" stands for that repository's digest reference.
class Named {
  public:
    explicit Named(const Names& names) {
        for (const std::string& name : names) {
            store::ImageRecord record{.id = kImage, .manifest = kManifest};
            record.reference = reference(name);
            store::ImageStore(temp_.store()).put(record);
        }
    }
    static oci::Reference reference(const std::string& name) {
        return oci::Reference::parse(name.back() == '@' ? name + kManifest.str() : name);
    }
    image::RemovedImage remove(const std::string& name, bool force = false) {
        return image::remove_images(temp_.store(), {name}, force);
    }
    [[nodiscard]] size_t left() const { return store::ImageStore(temp_.store()).list().size(); }

  private:
    test::TempStore temp_;
};

}  // namespace

TEST_CASE("an id names an image with one tag and digests of the same repository") {
    Named image({"r:1", "r@"});
    const image::RemovedImage removed = image.remove(kImage.str());
    CHECK(removed.deleted == Names{kImage.str()});
    CHECK(removed.untagged.size() == 2);
    CHECK(image.left() == 0);
}

TEST_CASE("an id does not name an image with two tags, or names in two repositories") {
    for (const Names& names : {Names{"r:1", "r:2"}, Names{"r:1", "s@"}, Names{"r@", "s@"}}) {
        Named image(names);
        CHECK_THROWS_WITH(image.remove(kImage.str()), Catch::Contains("several names"));
        CHECK(image.left() == 2);
        CHECK(image.remove(kImage.str(), true).deleted.size() == 1);
    }
}

TEST_CASE("a repository's last tag takes its digests along") {
    Named image({"r:1", "r@"});
    const image::RemovedImage removed = image.remove("r:1");
    CHECK(removed.deleted == Names{kImage.str()});
    CHECK(removed.untagged == Names{Named::reference("r:1").str(), Named::reference("r@").str()});
    CHECK(image.left() == 0);
}

TEST_CASE("another tag keeps the digests, another repository keeps the image") {
    Named tags({"r:1", "r:2", "r@"});
    CHECK(tags.remove("r:1").untagged.size() == 1);
    CHECK(tags.left() == 2);
    Named repositories({"r:1", "r@", "s:1", "s@"});
    const image::RemovedImage removed = repositories.remove("r:1");
    CHECK(removed.untagged.size() == 2);
    CHECK(removed.deleted.empty());
    CHECK(repositories.left() == 2);
    Named digest({"r:1", "r@"});
    CHECK(digest.remove("r@" + kManifest.str()).deleted.empty());
    CHECK(digest.left() == 1);
}

TEST_CASE("what cannot be checked is no damage, and stays") {
    const test::TempStore temp;
    const LayerStore layers(temp.store());
    layers.commit(layers.stage(),
                  {.chain = kChain, .diff = {kImage}, .blob = oci::Digest::of("gone")},
                  LayerMode::single);
    CHECK_THROWS_WITH(image::check(temp.store(), true),
                      Catch::Contains("1 object of the store could not be checked"));
    CHECK(layers.exists(kChain, LayerMode::single));
}

TEST_CASE("what is damaged is named, and goes with a repair") {
    const test::TempStore temp;
    const LayerStore layers(temp.store());
    layers.commit(layers.stage(), {.chain = kChain, .diff = {kImage}, .blob = kImage},
                  LayerMode::single);
    const std::string name = LayerStore::name(kChain, LayerMode::single);
    base::unlink_at(temp.store().layers_fd(), name + "/meta.json", false);
    base::write_file_atomic(temp.store().blobs_fd(), kImage.hex(), "torn", 0600,
                            base::Durability::volatile_data);
    const std::vector<image::Damage> found = image::check(temp.store(), false);
    REQUIRE(found.size() == 2);
    CHECK(found[0].object == "blob " + kImage.str());
    CHECK(found[1].what == "\"meta.json\" is missing");
    CHECK(layers.exists(kChain, LayerMode::single));
    CHECK(image::check(temp.store(), true).size() == 2);
    CHECK_FALSE(layers.exists(kChain, LayerMode::single));
    CHECK(image::check(temp.store(), false).empty());
}
