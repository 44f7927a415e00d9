// A content digest: sha256 only, 64 lower-case hex digits. Strong types for its uses: mixing a blob
// digest with a diff id is this domain's classic bug.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <utility>

namespace sandbox::oci {

class Digest {
  public:
    // Throws IntegrityError on anything but "sha256:" and 64 lower-case hex digits.
    static Digest parse(std::string_view text);
    static Digest from_hex(std::string_view hex);  // 64 lower-case digits
    static Digest of(std::string_view content);    // hashes it
    [[nodiscard]] const std::string& hex() const noexcept { return hex_; }
    [[nodiscard]] std::string str() const { return "sha256:" + hex_; }
    [[nodiscard]] std::string short_hex() const { return hex_.substr(0, 12); }
    auto operator<=>(const Digest&) const = default;

  private:
    explicit Digest(std::string hex) : hex_(std::move(hex)) {}
    std::string hex_;
};

// sha256 of the uncompressed layer tar.
struct DiffId {
    Digest digest;
    auto operator<=>(const DiffId&) const = default;
};
// Identity of a layer on top of its lower layers: image-spec config.md, "Layer ChainID".
struct ChainId {
    Digest digest;
    auto operator<=>(const ChainId&) const = default;
    // Absent parent: the bottom layer.
    static ChainId make(const ChainId* parent, const DiffId& diff);
};

}  // namespace sandbox::oci
