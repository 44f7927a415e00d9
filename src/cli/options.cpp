#include "cli/options.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {

std::optional<oci::Platform> try_platform(const Invocation& in, int code) {
    const std::optional<std::string> text = in.try_value("platform");
    if (!text || text->empty()) return std::nullopt;
    try {
        return oci::Platform::parse(*text);
    } catch (base::UsageError& error) {
        error.set_code(code);
        throw;
    }
}

image::PullPolicy pull_policy(std::string_view word) {
    if (word == "missing" || word == "false" || word == "if-not-present") {
        return image::PullPolicy::missing;
    }
    if (word == "always" || word == "true" || word == "newer") return image::PullPolicy::always;
    if (word == "never") return image::PullPolicy::never;
    throw base::UsageError("invalid pull policy " + base::quote(word),
                           "use missing, always or never", base::exit_code::kEngine);
}

}  // namespace sandbox::cli
