#include <array>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/oci/reference.hpp"

namespace sandbox::oci {
namespace {

struct Transport {
    std::string_view prefix;
    ImageSource::Kind kind;
};
constexpr std::array<Transport, 3> kFileTransports{{
    {"oci:", ImageSource::Kind::oci_dir},
    {"oci-archive:", ImageSource::Kind::oci_archive},
    {"docker-archive:", ImageSource::Kind::docker_archive},
}};
constexpr std::string_view kRegistryPrefix = "docker://";

bool starts_with(std::string_view text, std::string_view prefix) noexcept {
    return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

ImageSource ImageSource::parse(std::string_view text) {
    ImageSource source;
    for (const Transport& transport : kFileTransports) {
        if (!starts_with(text, transport.prefix)) continue;
        source.kind = transport.kind;
        const std::string_view rest = text.substr(transport.prefix.size());
        // As everywhere: the path ends at the first colon, a reference after it may have its own.
        const size_t colon = rest.find(':');
        source.path = rest.substr(0, colon);
        if (colon != rest.npos) source.selector = rest.substr(colon + 1);
        if (source.path.empty() || source.path.find('\0') != source.path.npos) {
            throw base::UsageError("no path in " + base::quote(text),
                                   "write it as " + std::string(transport.prefix) + "PATH[:NAME]",
                                   base::exit_code::kEngine);
        }
        return source;
    }
    if (starts_with(text, kRegistryPrefix)) text.remove_prefix(kRegistryPrefix.size());
    source.reference = Reference::parse(text);
    return source;
}

}  // namespace sandbox::oci
