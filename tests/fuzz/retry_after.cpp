// Retry-After, HTTP dates, Content-Range, addresses and no_proxy.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "registry/address.hpp"
#include "registry/proxy.hpp"
#include "registry/retry.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox::registry;
    const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
    if (const auto wait = try_parse_retry_after(text, 1'700'000'000)) {
        if (wait->count() < 0) std::abort();
        const RetryPolicy policy;
        for (int failures = 0; failures < 20; ++failures) {
            const auto delay = policy.delay(failures, wait);
            if (delay.count() < 0 || delay > policy.cap) std::abort();
        }
    }
    if (const auto range = try_parse_content_range(text)) {
        if (range->first > range->last || (range->total && *range->total <= range->last)) {
            std::abort();
        }
    }
    if (const auto address = try_parse_address(text)) (void)classify(*address);
    (void)is_excluded(Url::parse("https://registry.example:5000/"), std::string(text));
    (void)is_excluded(Url::parse("https://10.1.2.3/"), std::string(text));
    (void)is_excluded(Url::parse("https://[fd00::1]/"), std::string(text));
    return 0;
}
