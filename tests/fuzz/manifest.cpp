// Manifests and indexes: refused with an IntegrityError, or within all limits and readable again
// after they were written.
#include "sandbox/oci/manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sandbox/base/error.hpp"

namespace {

using namespace sandbox;

void try_manifest(std::string_view text) {
    try {
        const oci::Manifest manifest = oci::parse_manifest(text);
        if (manifest.layers.empty() || manifest.layers.size() > oci::kMaxLayers) std::abort();
        const std::string written = oci::to_json(manifest);
        if (oci::to_json(oci::parse_manifest(written)) != written) std::abort();
        if (oci::document_kind(text) != oci::DocumentKind::manifest) std::abort();
    } catch (const base::IntegrityError&) {
    }
}

void try_index(std::string_view text) {
    try {
        const oci::Index index = oci::parse_index(text);
        if (index.entries.size() > oci::kMaxIndexEntries) std::abort();
        (void)oci::select_platform(index, oci::Platform::parse("linux/arm/v7"));
    } catch (const base::Error&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
    try_manifest(text);
    try_index(text);
    return 0;
}
