#include "sandbox/store/claims.hpp"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "temp_store.hpp"

namespace {

using namespace sandbox;

const oci::Digest kBlob = oci::Digest::of("blob");

std::vector<std::string> files_of(const store::Store& store) {
    return base::list_dir(base::open_at(store.root_fd(), "claims", O_RDONLY | O_DIRECTORY).get());
}

TEST_CASE("a claim names blobs and layers until it goes") {
    const test::TempStore place;
    CHECK(store::read_claims(place.store()).blobs.empty());
    {
        const store::Claim one(place.store(), {kBlob}, {"single-1"});
        const store::Claim two(place.store(), {}, {"range-2", "single-3"});
        const store::Claimed all = store::read_claims(place.store());
        CHECK(all.blobs == std::vector<oci::Digest>{kBlob});
        CHECK(all.layers.size() == 3);
        store::remove_stale_claims(place.store());
        CHECK(store::read_claims(place.store()).layers.size() == 3);
    }
    CHECK(store::read_claims(place.store()).layers.empty());
    CHECK(files_of(place.store()).empty());
}

TEST_CASE("the claim of a killed process counts for nothing and goes with the next sweep") {
    const test::TempStore place;
    { const store::Claim made(place.store(), {}, {}); }
    base::write_file_atomic(
        base::open_at(place.store().root_fd(), "claims", O_RDONLY | O_DIRECTORY).get(), "left",
        "layer single-1\n", 0600, base::Durability::volatile_data);
    CHECK(store::read_claims(place.store()).layers.empty());
    store::remove_stale_claims(place.store());
    CHECK(files_of(place.store()).empty());
}

}  // namespace
