// WWW-Authenticate, URLs in it, and response heads.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "registry/challenge.hpp"
#include "registry/head_reader.hpp"
#include "registry/url.hpp"
#include "sandbox/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox::registry;
    const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
    const auto all = parse_challenges(text);
    for (const Challenge& challenge : all) {
        if (challenge.scheme.empty()) std::abort();
        try {
            const Url url = Url::parse(challenge.parameter("realm"));
            // What was accepted is read back as the same thing.
            const Url again = Url::parse(url.str());
            if (!same_origin(url, again) || url.target != again.target) std::abort();
            for (const char c : url.str()) {
                if (c <= ' ' || c == '\x7f') std::abort();
            }
            (void)resolve_location(url, text);
        } catch (const sandbox::base::Error&) {  // refused: as good
        }
    }
    (void)try_choose_challenge(all);
    HeadReader reader;
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end == rest.npos ? end : end + 1);
        if (reader.take_line(line) != HeadReader::Result::more) break;
        rest.remove_prefix(line.size());
    }
    (void)reader.has_ambiguous_length();
    return 0;
}
