#include "sandbox/store/image_store.hpp"

#include <catch2/catch.hpp>

#include "image_record.hpp"
#include "sandbox/base/error.hpp"
#include "temp_store.hpp"

namespace {

using namespace sandbox;
using store::ImageRecord;
using store::ImageStore;

oci::Digest digest_of(char c) {
    return oci::Digest::from_hex(std::string(64, c));
}

ImageRecord make_record(const std::string& reference, char id) {
    ImageRecord record{.id = digest_of(id), .manifest = digest_of('0')};
    if (!reference.empty()) record.reference = oci::Reference::parse(reference);
    return record;
}

std::vector<std::string> names(const ImageStore& images) {
    std::vector<std::string> list;
    for (const ImageRecord& record : images.list()) {
        list.push_back(record.reference ? record.reference->familiar() : "<none>");
    }
    return list;
}

}  // namespace

TEST_CASE("a record is read as it was written, whatever its labels hold") {
    ImageRecord record = make_record("localhost:5000/a/b:tag", 'a');
    record.index = digest_of('c');
    record.repo_digests = {"localhost:5000/a/b@" + digest_of('c').str()};
    record.platform = {"linux", "arm", "v7"};
    record.created = -12;
    record.size_bytes = 1ull << 62;
    record.labels = {{"plain", "x"}, {"odd\tname\n", "a\\b\nend\n"}, {"", std::string("\0", 1)}};
    record.pulled_at = 99;
    record.layer_blobs = {digest_of('1'), digest_of('1')};
    record.chains = {oci::ChainId{digest_of('2')}, oci::ChainId{digest_of('3')}};
    const ImageRecord read = store::parse_image_record(store::to_text(record));
    CHECK(read.reference == record.reference);
    CHECK(read.id == record.id);
    CHECK(read.manifest == record.manifest);
    CHECK(read.index == record.index);
    CHECK(read.repo_digests == record.repo_digests);
    CHECK(read.platform == record.platform);
    CHECK(read.created == record.created);
    CHECK(read.size_bytes == record.size_bytes);
    CHECK(read.labels == record.labels);
    CHECK(read.pulled_at == record.pulled_at);
    CHECK(read.layer_blobs == record.layer_blobs);
    CHECK(read.chains == record.chains);
}

TEST_CASE("a record that is cut off anywhere is refused") {
    const std::string text = store::to_text(make_record("busybox", 'a'));
    for (size_t size = 0; size < text.size(); ++size) {
        INFO(size);
        CHECK_THROWS_AS(store::parse_image_record(text.substr(0, size)), base::IntegrityError);
    }
}

TEST_CASE("file names of references do not collide, and long ones fit") {
    const std::string long_path =
        "r.example/" + std::string(100, 'a') + "/" + std::string(100, 'b');
    const auto one = oci::Reference::parse(long_path + ":" + std::string(128, 'c'));
    const auto two = oci::Reference::parse(long_path + ":" + std::string(127, 'c') + "d");
    CHECK(store::file_name_of(one).size() <= 255);
    CHECK(store::file_name_of(one) != store::file_name_of(two));
    CHECK(store::file_name_of(oci::Reference::parse("nginx")) == "docker.io+library+nginx:latest");
}

TEST_CASE("an image is found by name, id, prefix and digest") {
    const test::TempStore temp;
    const ImageStore images(temp.store());
    ImageRecord record = make_record("nginx", 'a');
    record.repo_digests = {"docker.io/library/nginx@" + digest_of('d').str()};
    images.put(record);
    images.put(make_record("busybox:1", 'b'));
    for (const std::string& name :
         {std::string("nginx"), std::string("docker.io/library/nginx:latest"), digest_of('a').str(),
          digest_of('a').hex(), std::string("aaaaaaaaaaaa"), std::string("sha256:aaa"),
          "nginx@" + digest_of('d').str()}) {
        INFO(name);
        const std::optional<ImageRecord> found = images.try_find(name);
        REQUIRE(found);
        CHECK(found->id == record.id);
    }
    CHECK_FALSE(images.try_find("nginx:2"));
    CHECK_FALSE(images.try_find("ccc"));
    CHECK_THROWS_AS(images.find("ccc"), base::NotFoundError);
}

TEST_CASE("a prefix of several ids is ambiguous") {
    const test::TempStore temp;
    const ImageStore images(temp.store());
    images.put({.reference = oci::Reference::parse("one"),
                .id = oci::Digest::from_hex("abc" + std::string(61, '0')),
                .manifest = digest_of('0')});
    images.put({.reference = oci::Reference::parse("two"),
                .id = oci::Digest::from_hex("abc" + std::string(61, '1')),
                .manifest = digest_of('0')});
    CHECK_THROWS_AS(images.try_find("abc"), base::UsageError);
    CHECK(images.find("abc1").reference == oci::Reference::parse("two"));
}

TEST_CASE("a name that could be an id is a name first") {
    const test::TempStore temp;
    const ImageStore images(temp.store());
    images.put(make_record("abc", 'b'));
    images.put(make_record("other", 'a'));
    CHECK(images.find("abc").id == digest_of('b'));
}

TEST_CASE("a tag that moves on leaves its former image dangling") {
    const test::TempStore temp;
    const ImageStore images(temp.store());
    images.put(make_record("app", 'a'));
    images.put(make_record("app", 'b'));
    CHECK(names(images) == std::vector<std::string>{"app:latest", "<none>"});
    CHECK_FALSE(images.find(digest_of('a').str()).reference);
    // Named again, it is not dangling any more.
    images.put(make_record("app:old", 'a'));
    CHECK(names(images) == std::vector<std::string>{"app:latest", "app:old"});
}

TEST_CASE("an image with another name does not become dangling") {
    const test::TempStore temp;
    const ImageStore images(temp.store());
    images.put(make_record("app", 'a'));
    images.put(make_record("app:1", 'a'));
    images.put(make_record("app", 'b'));
    CHECK(names(images) == std::vector<std::string>{"app:1", "app:latest"});
    images.remove_reference(oci::Reference::parse("app:1"));
    CHECK(names(images) == std::vector<std::string>{"app:latest", "<none>"});
    images.remove_records_of(digest_of('a'));
    images.remove_records_of(digest_of('b'));
    CHECK(names(images).empty());
    CHECK_FALSE(images.try_find(digest_of('a').hex()));
}

TEST_CASE("a damaged record is left out of lists, named, and replaced by the next pull") {
    const test::TempStore temp;
    const ImageStore images(temp.store());
    images.put(make_record("app", 'a'));
    images.put(make_record("good", 'b'));
    const base::UniqueFd refs = base::open_dir(temp.path("images/refs"));
    for (const std::string content : {"", "garbage\nend\n", "sandbox-image 1\nid "}) {
        base::write_file_atomic(refs.get(), "docker.io+library+app:latest", content, 0600,
                                base::Durability::volatile_data);
        CHECK(names(images) == std::vector<std::string>{"good:latest"});
        CHECK(images.list_damaged() == std::vector<std::string>{"docker.io+library+app:latest"});
        CHECK_THROWS_AS(images.find("app"), base::IntegrityError);
    }
    images.put(make_record("app", 'a'));
    CHECK(images.list_damaged().empty());
    CHECK(images.find("app").id == digest_of('a'));
}

TEST_CASE("an image whose index entry power took is found by a scan") {
    const test::TempStore temp;
    const ImageStore images(temp.store());
    images.put(make_record("app", 'a'));
    REQUIRE(base::remove_tree_at(temp.store().images_fd(), "ids"));
    CHECK(images.find("sha256:aaaa").id == digest_of('a'));
    images.remove_records_of(digest_of('a'));
    CHECK(images.list().empty());
}
