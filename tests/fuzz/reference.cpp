// A reference is refused or has a canonical form that reads back the same.
#include "sandbox/oci/reference.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sandbox/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox;
    const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
    try {
        const oci::Reference reference = oci::Reference::parse(text);
        if (oci::Reference::parse(reference.str()) != reference) std::abort();
        if (oci::Reference::parse(reference.familiar()) != reference) std::abort();
    } catch (const base::UsageError&) {
    }
    try {
        (void)oci::ImageSource::parse(text);
    } catch (const base::UsageError&) {
    }
    return 0;
}
