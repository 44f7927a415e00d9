// A digest is refused or is exactly the text that it was read from; so is a platform's normal form.
#include "sandbox/oci/digest.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sandbox/base/error.hpp"
#include "sandbox/oci/platform.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox;
    const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
    try {
        if (oci::Digest::parse(text).str() != text) std::abort();
    } catch (const base::IntegrityError&) {
    }
    try {
        const oci::Platform platform = oci::Platform::parse(text);
        if (oci::Platform::parse(platform.str()) != platform) std::abort();
        if (platform.fitness(platform) <= 0) std::abort();
    } catch (const base::UsageError&) {
    }
    return 0;
}
