// A layer's tar stream → entries, their names, whiteouts and attributes. The first byte says how
// the stream is cut into blocks.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "image/entry_path.hpp"
#include "image/tar_reader.hpp"
#include "image/whiteout.hpp"
#include "image/xattr_policy.hpp"
#include "sandbox/base/error.hpp"

namespace {

using namespace sandbox;

void require(bool holds) {
    if (!holds) std::abort();
}

void read_data(image::TarReader& reader, const image::TarEntry& entry) {
    std::uint64_t end = 0;
    while (const auto block = reader.next_data()) {
        require(block->offset >= end);
        end = block->offset + block->bytes.size();
        require(end <= entry.size_bytes);
    }
}

void judge(const image::TarEntry& entry) {
    require(entry.path.find('\0') == std::string::npos && !entry.path.empty());
    require(entry.mtime_nanoseconds < 1'000'000'000);
    for (const image::TarXattr& xattr : entry.xattrs) {
        (void)image::xattr_rule(xattr.name);
        if (const auto value = image::portable_capability(xattr.value))
            require(value->size() == 20);
    }
    try {
        const std::string path = image::clean_entry_path(entry.path);
        // Cleaning is final, and nothing in it climbs.
        require(image::clean_entry_path(path) == path);
        require(!path.starts_with('/') && !path.starts_with("../") && path != "..");
        require(path.find("/../") == std::string::npos && !path.ends_with("/.."));
        const image::Whiteout mark = image::parse_whiteout(path);
        if (mark.kind == image::WhiteoutKind::hide)
            require(image::clean_entry_path(mark.path) == mark.path && !mark.path.empty());
        (void)image::climbs_above_root(path, entry.link_target);
    } catch (const base::IntegrityError&) {  // refused: as good
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    if (size_bytes == 0) return 0;
    const std::size_t piece = data[0] == 0 ? size_bytes : data[0] * 7u;
    auto rest = std::as_bytes(std::span(data, size_bytes)).subspan(1);
    try {
        image::TarReader reader([&] {
            const auto block = rest.first(std::min(piece, rest.size()));
            rest = rest.subspan(block.size());
            return block;
        });
        image::TarEntry entry;
        for (unsigned count = 0; reader.next(entry); ++count) {
            judge(entry);
            if (count % 3 != 0) read_data(reader, entry);  // others are passed over
        }
        reader.drain();
        require(rest.empty());
    } catch (const base::IntegrityError&) {
    }
    return 0;
}
