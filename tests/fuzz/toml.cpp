// TOML: refused with a UsageError of one line, or a table with positions in order.
#include "sandbox/base/toml.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sandbox/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox::base;
    try {
        const toml::Node root =
            toml::parse(std::string_view(reinterpret_cast<const char*>(data), size_bytes), "p");
        std::uint32_t line = 0;
        for (const toml::Member& member : std::get<toml::Table>(root.value)) {
            if (member.key_at.line < line) std::abort();
            line = member.key_at.line;
        }
    } catch (const UsageError& error) {
        if (error.message().find('\n') != std::string::npos) std::abort();
    }
    return 0;
}
