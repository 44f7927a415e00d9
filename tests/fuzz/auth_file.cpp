// Auth files of docker, podman and ours; config.toml's registries; token answers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "registry/auth_file.hpp"
#include "registry/config.hpp"
#include "registry/token.hpp"
#include "sandbox/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox::registry;
    const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
    try {
        AuthFile file = AuthFile::parse(text);
        (void)file.holds_secrets();
        for (const std::string& name : file.registries()) {
            (void)file.helper_for(name);
            try {
                (void)file.try_find(name, "a/b");
            } catch (const sandbox::base::IntegrityError&) {  // one bad entry
            }
        }
        file.set("registry.example", {"user", "pass:word", "", ""});
        const auto found = AuthFile::parse(file.str()).try_find("registry.example", {});
        if (!found || found->password != "pass:word") std::abort();
        if (!file.remove("registry.example")) std::abort();
    } catch (const sandbox::base::Error&) {  // refused
    }
    try {
        (void)parse_config(text, "config.toml");
    } catch (const sandbox::base::Error&) {  // refused
    }
    try {
        if (!is_safe_header_value(parse_token_answer(text).token)) std::abort();
    } catch (const sandbox::base::Error&) {  // refused
    }
    return 0;
}
