// An image archive's tar → where its members lie: refused, or each within the file and under a name
// that leads nowhere else.
#include "image/tar_index.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace {

using namespace sandbox;

void require(bool holds) {
    if (!holds) std::abort();
}

void require_plain(const std::string& name) {
    require(!name.starts_with('/') && !name.ends_with('/') && name.find("//") == name.npos);
    const std::string framed = "/" + name + "/";
    require(framed.find("/../") == name.npos && framed.find("/./") == name.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    const auto* const text = reinterpret_cast<const char*>(data);
    const base::UniqueFd file(::memfd_create("archive", MFD_CLOEXEC));
    require(::write(file.get(), data, size_bytes) == static_cast<ssize_t>(size_bytes));
    try {
        for (const auto& [name, member] : image::index_tar(file.get())) {
            require_plain(name);
            if (member.link_target) require_plain(*member.link_target);
            require(member.offset_bytes <= size_bytes);
            require(member.size_bytes <= size_bytes - member.offset_bytes);
        }
        require(image::looks_like_tar(text, size_bytes));
    } catch (const base::IntegrityError&) {  // refused
    }
    return 0;
}
