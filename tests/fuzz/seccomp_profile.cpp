// docker's seccomp profiles: refused with a UsageError or understood, and never compiled into a
// program that is longer than the kernel takes.
#include <cstdint>
#include <string_view>

#include "sandbox/base/error.hpp"
#include "sandbox/kernel/seccomp.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    sandbox::kernel::SeccompOptions options;
    options.capabilities = sandbox::kernel::default_capabilities();
    try {
        const auto program =
            sandbox::kernel::seccomp_from_profile(text, "profile.json", options, -1);
        if (program.empty() || program.size() > 4096) __builtin_trap();
    } catch (const sandbox::base::Error&) {
    }
    return 0;
}
