#include "sandbox/store/blob_store.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "temp_store.hpp"

namespace {

using namespace sandbox;
using store::BlobStore;
using store::PartialBlob;
using store::PartialState;

const std::string kText = "some bytes";
const oci::Digest kDigest = oci::Digest::of(kText);

}  // namespace

TEST_CASE("a blob is read as it was put, and put twice is put once") {
    const test::TempStore temp;
    const BlobStore blobs(temp.store());
    CHECK_FALSE(blobs.exists(kDigest));
    CHECK_FALSE(blobs.try_open(kDigest));
    blobs.put(kDigest, kText);
    blobs.put(kDigest, kText);
    CHECK(blobs.read_verified(kDigest, 100) == kText);
    CHECK(blobs.size_bytes(kDigest) == kText.size());
    CHECK(blobs.list() == std::vector<oci::Digest>{kDigest});
    CHECK_THROWS_AS(blobs.read(kDigest, 3), base::Error);
    blobs.remove(kDigest);
    blobs.remove(kDigest);
    CHECK_THROWS_AS(blobs.read(kDigest, 100), base::NotFoundError);
}

TEST_CASE("a blob with another digest is not put") {
    const test::TempStore temp;
    const BlobStore blobs(temp.store());
    CHECK_THROWS_AS(blobs.put(kDigest, "other bytes"), base::IntegrityError);
    CHECK(blobs.list().empty());
}

TEST_CASE("a flipped bit in a stored blob is found when it is read verified") {
    const test::TempStore temp;
    const BlobStore blobs(temp.store());
    blobs.put(kDigest, kText);
    base::write_file_atomic(temp.store().blobs_fd(), kDigest.hex(), "somf bytes", 0600,
                            base::Durability::volatile_data);
    CHECK_THROWS_AS(blobs.read_verified(kDigest, 100), base::IntegrityError);
}

TEST_CASE("a partial blob is kept, resumed and committed") {
    const test::TempStore temp;
    const BlobStore blobs(temp.store());
    {
        std::optional<PartialBlob> partial = blobs.open_partial(kDigest);
        REQUIRE(partial);
        partial->append("some");
    }
    std::optional<PartialBlob> partial = blobs.open_partial(kDigest);
    REQUIRE(partial);
    CHECK(partial->size_bytes() == 4);
    partial->append(" bytes");
    CHECK_FALSE(blobs.exists(kDigest));
    std::move(*partial).commit(temp.store());
    CHECK(blobs.read_verified(kDigest, 100) == kText);
    CHECK_FALSE(blobs.open_partial(kDigest));
    CHECK(base::list_dir(temp.store().partial_fd()).empty());
}

TEST_CASE("the digest of a partial blob is that of what it has, by whom and when it ever came") {
    const test::TempStore temp;
    const BlobStore blobs(temp.store());
    {
        std::optional<PartialBlob> partial = blobs.open_partial(kDigest);
        REQUIRE(partial);
        CHECK(partial->content_digest() == oci::Digest::of(""));
        partial->append("som");
        CHECK(partial->content_digest() == oci::Digest::of("som"));
        partial->append("e");
    }
    std::optional<PartialBlob> partial = blobs.open_partial(kDigest);
    REQUIRE(partial);
    partial->append(" bits");
    partial->truncate(6);
    CHECK(partial->content_digest() == oci::Digest::of("some b"));
    partial->append("ytes");
    CHECK(partial->content_digest() == kDigest);
    CHECK(partial->content_digest() == kDigest);
    partial->truncate(0);
    partial->append(kText);
    CHECK(partial->content_digest() == kDigest);
}

TEST_CASE("a partial blob has one owner at a time") {
    const test::TempStore temp;
    const BlobStore blobs(temp.store());
    std::optional<PartialBlob> first = blobs.open_partial(kDigest);
    REQUIRE(first);
    std::optional<PartialBlob> second;
    CHECK(blobs.try_open_partial(kDigest, second) == PartialState::busy);
    first->append(kText);
    std::move(*first).publish(temp.store());
    first.reset();
    CHECK(blobs.try_open_partial(kDigest, second) == PartialState::whole);
}

TEST_CASE("a discarded partial blob starts at zero again") {
    const test::TempStore temp;
    const BlobStore blobs(temp.store());
    std::optional<PartialBlob> partial = blobs.open_partial(kDigest);
    REQUIRE(partial);
    partial->append("wrong");
    std::move(*partial).discard(temp.store());
    partial.reset();
    std::optional<PartialBlob> again;
    CHECK(blobs.try_open_partial(kDigest, again) == PartialState::ours);
    CHECK(again->size_bytes() == 0);
}
