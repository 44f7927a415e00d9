#include "cli/options.hpp"

#include <unistd.h>

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

std::map<std::string, std::string> parse_labels(const std::vector<std::string>& labels) {
    std::map<std::string, std::string> result;
    for (const std::string& label : labels) {
        const size_t equals = label.find('=');
        if (label.empty() || equals == 0) {
            throw base::UsageError("invalid label " + base::quote(label), "use NAME=VALUE");
        }
        result[label.substr(0, equals)] =
            equals == std::string::npos ? "" : label.substr(equals + 1);
    }
    return result;
}

void confirm(std::string_view what) {
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) return;
    const std::string question = std::string(what) + " Go on? [y/N] ";
    (void)!::write(STDERR_FILENO, question.data(), question.size());
    std::string answer;
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n' && answer.size() < 80) {
        answer += byte;
    }
    const std::string word = base::to_lower(base::trim(answer));
    if (word != "y" && word != "yes") throw base::Error("nothing was removed");
}

}  // namespace sandbox::cli
