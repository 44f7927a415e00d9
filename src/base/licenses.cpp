#include "sandbox/base/licenses.hpp"

// The bytes of licenses.txt in the build directory (src/blob.S.in).
extern "C" const char sandbox_licenses[];
extern "C" const char sandbox_licenses_end[];

namespace sandbox::base {

std::string_view licenses_text() noexcept {
    return {sandbox_licenses, static_cast<std::size_t>(sandbox_licenses_end - sandbox_licenses)};
}

}  // namespace sandbox::base
