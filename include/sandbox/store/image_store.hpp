// References and images. One small record per reference (images/refs/…) holds all that a listing
// shows; an image without a reference (its tag moved on) keeps a dangling record under its id.
// The record is written last: what it names is whole.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/oci/digest.hpp"
#include "sandbox/oci/platform.hpp"
#include "sandbox/oci/reference.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::store {

struct ImageRecord {
    // With tag and no digest; or with digest and no tag, when it was pulled by digest ("<none>" in
    // listings). Absent: dangling.
    std::optional<oci::Reference> reference{};
    oci::Digest id;  // config digest
    oci::Digest manifest;
    std::optional<oci::Digest> index{};       // what the registry's tag named, when an index
    std::vector<std::string> repo_digests{};  // "docker.io/library/nginx@sha256:…"
    oci::Platform platform{};
    std::int64_t created = 0;      // Unix seconds; 0: not said
    std::uint64_t size_bytes = 0;  // unpacked: docker's SIZE
    std::map<std::string, std::string> labels{};
    std::int64_t pulled_at = 0;
    std::vector<oci::Digest> layer_blobs{};  // bottom first
    std::vector<oci::ChainId> chains{};      // bottom first
};

class ImageStore {
  public:
    explicit ImageStore(const Store& store) noexcept : store_(store) {}
    // Damaged records are left out, with a warning each.
    [[nodiscard]] std::vector<ImageRecord> list() const;
    // File names of damaged records: who removes what no image refers to must refuse while there
    // are any, since nobody knows what they referred to.
    [[nodiscard]] std::vector<std::string> list_damaged() const;
    // Throws IntegrityError when it is damaged, another Error when it cannot be read just now.
    void check_record(const std::string& record_name) const;
    void remove_damaged(const std::string& record_name) const;
    // By reference only. For what a user typed, use find().
    [[nodiscard]] std::optional<ImageRecord> try_get(const oci::Reference& reference) const;
    // A reference (short names too), name@digest, id or unique id prefix ("sha256:" allowed).
    // Several records share an id: the first by name. Throws UsageError when a prefix is ambiguous.
    [[nodiscard]] std::optional<ImageRecord> try_find(std::string_view name) const;
    [[nodiscard]] ImageRecord find(
        std::string_view name) const;  // NotFoundError "no such image: …"
    // Publishes under record.reference (or as dangling). A former image of that reference which
    // loses its last name becomes dangling.
    void put(const ImageRecord& record) const;
    void remove_reference(const oci::Reference& reference) const;  // the last one → dangling
    void remove_records_of(const oci::Digest& id) const;           // all names and the dangling one

  private:
    std::vector<ImageRecord> load_all(std::vector<std::string>& damaged) const;
    std::optional<ImageRecord> try_first_with_id(const oci::Digest& id) const;
    std::optional<ImageRecord> try_find_id(std::string_view prefix) const;
    const Store& store_;
};

}  // namespace sandbox::store
