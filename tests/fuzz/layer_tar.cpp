// A layer's tar stream → entries, their names, whiteouts and attributes. The first byte says how
// the stream is cut into blocks.
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "image/entry_path.hpp"
#include "image/tar_reader.hpp"
#include "image/tar_writer.hpp"
#include "image/whiteout.hpp"
#include "image/xattr_policy.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"

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

// What the reader understood, the writer can say again, and the reader understands the same.
void write_again(image::TarEntry entry) {
    if (entry.path.ends_with('/') != (entry.type == image::EntryType::directory)) return;
    entry.size_bytes = 0;  // its data is of no interest here
    const base::UniqueFd file(::memfd_create("tar", MFD_CLOEXEC));
    image::TarWriter writer(file.get());
    writer.add(entry);
    writer.finish();
    std::string text(writer.bytes(), '\0');
    require(::pread(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    bool done = false;
    image::TarReader reader([&] {
        const size_t size = done ? 0 : text.size();
        done = true;
        return std::as_bytes(std::span(text.data(), size));
    });
    image::TarEntry read;
    require(reader.next(read));
    require(read.path == entry.path && read.type == entry.type && read.mode == entry.mode);
    require(read.uid == entry.uid && read.gid == entry.gid);
    require(read.mtime_seconds == entry.mtime_seconds);
    require(read.mtime_nanoseconds == entry.mtime_nanoseconds);
    require(read.link_target == entry.link_target);
    image::TarEntry rest;
    require(!reader.next(rest));
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
            if (count < 16) write_again(entry);
            if (count % 3 != 0) read_data(reader, entry);  // others are passed over
        }
        reader.drain();
        require(rest.empty());
    } catch (const base::IntegrityError&) {
    }
    return 0;
}
