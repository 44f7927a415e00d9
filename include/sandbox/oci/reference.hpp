// Image references as docker reads them: "nginx" is docker.io/library/nginx:latest.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/oci/digest.hpp"

namespace sandbox::oci {

class Reference {
  public:
    // Throws UsageError "invalid reference format: …" (exit code 125). parse(str()) == *this.
    static Reference parse(std::string_view text);
    [[nodiscard]] const std::string& domain() const noexcept { return domain_; }  // host[:port]
    [[nodiscard]] const std::string& path() const noexcept { return path_; }      // library/nginx
    // Absent only when a digest is given without a tag.
    [[nodiscard]] const std::optional<std::string>& tag() const noexcept { return tag_; }
    [[nodiscard]] const std::optional<Digest>& digest() const noexcept { return digest_; }
    // "docker.io/library/nginx"
    [[nodiscard]] std::string name() const { return domain_ + "/" + path_; }
    // As docker shows it: without docker.io/ and library/.
    [[nodiscard]] std::string familiar_name() const;
    [[nodiscard]] std::string str() const;       // canonical, with tag and digest
    [[nodiscard]] std::string familiar() const;  // as docker shows it, with :tag and @digest
    [[nodiscard]] Reference with_tag(std::string tag) const;          // and no digest
    [[nodiscard]] Reference with_digest(const Digest& digest) const;  // and no tag
    auto operator<=>(const Reference&) const = default;

  private:
    Reference() = default;
    std::string domain_;
    std::string path_;
    std::optional<std::string> tag_;
    std::optional<Digest> digest_;
};

// Could `text` be an image id (12 to 64, or at least 2, lower-case hex digits)?
[[nodiscard]] bool looks_like_id(std::string_view text) noexcept;

// Where an image comes from: `run` and `pull` take all of these.
struct ImageSource {
    enum class Kind { registry, oci_dir, oci_archive, docker_archive };
    Kind kind = Kind::registry;
    std::optional<Reference> reference;  // registry: always; otherwise what the caller names it
    std::string path;                    // oci_dir, oci_archive, docker_archive: the file
    std::string selector;                // what follows the path's colon: tag, name or "@index"
    // "nginx", "docker://nginx", "oci:DIR[:TAG]", "oci-archive:FILE[:TAG]",
    // "docker-archive:FILE[:REF]".
    static ImageSource parse(std::string_view text);
};

}  // namespace sandbox::oci
