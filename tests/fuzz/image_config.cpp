// Image configs: refused with an IntegrityError, or within all limits.
#include "sandbox/oci/image_config.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sandbox/base/error.hpp"
#include "sandbox/oci/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox;
    try {
        const oci::ImageConfig config = oci::parse_image_config(
            std::string_view(reinterpret_cast<const char*>(data), size_bytes));
        if (config.diff_ids.size() > oci::kMaxLayers) std::abort();
        if (config.healthcheck && config.healthcheck->retries < 0) std::abort();
    } catch (const base::IntegrityError&) {
    }
    return 0;
}
