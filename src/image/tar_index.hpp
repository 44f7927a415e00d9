// Where the members of a seekable tar file lie: for image archives, whose few members are named by
// a manifest. ustar, pax and GNU names. Nothing is written by a member's name. Layers themselves
// are read by tar_reader.hpp, in a confined child.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sandbox::image {

struct TarMember {
    std::uint64_t offset_bytes = 0;
    std::uint64_t size_bytes = 0;
    std::optional<std::string> link_target;  // of another member, normalised
};

// By name, without leading "./" and "/". `fd` is borrowed. Throws IntegrityError on what is no tar.
[[nodiscard]] std::map<std::string, TarMember> index_tar(int fd);
[[nodiscard]] bool looks_like_tar(const char* first_block, size_t size_bytes) noexcept;

}  // namespace sandbox::image
