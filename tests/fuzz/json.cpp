// JSON: refused with an IntegrityError, or written in a form that reads back to the same text.
#include "sandbox/base/json.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sandbox/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox::base;
    const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
    try {
        const json::Value value = json::parse(text);
        const std::string written = json::dump(value);
        if (json::dump(json::parse(written)) != written) std::abort();
        if (json::dump(json::parse(json::dump(value, 2))) != written) std::abort();
    } catch (const IntegrityError& error) {
        if (error.message().find('\n') != std::string::npos) std::abort();
    }
    // Any bytes but NUL become a string that can be read.
    const bool has_nul = text.find('\0') != std::string_view::npos;
    if (!has_nul && json::parse(json::quote_string(text)).is_null()) std::abort();
    return 0;
}
