#include "etc_files.hpp"

#include <algorithm>

#include "sandbox/base/strings.hpp"

namespace sandbox::engine {

bool is_mounted_upon(const ContainerSpec& spec, std::string_view path) noexcept {
    return std::any_of(spec.mounts.begin(), spec.mounts.end(),
                       [path](const MountSpec& mount) { return mount.target == path; });
}

std::string format_hosts(const ContainerSpec& spec) {
    std::string text;
    for (const auto& [names, address] : spec.hosts) text += address + "\t" + names + "\n";
    return text;
}

std::string format_resolv_conf(const ContainerSpec& spec) {
    std::string text;
    if (!spec.dns_search.empty()) text += "search " + base::join(spec.dns_search, " ") + "\n";
    for (const std::string& server : spec.dns_servers) text += "nameserver " + server + "\n";
    if (!spec.dns_options.empty()) text += "options " + base::join(spec.dns_options, " ") + "\n";
    return text;
}

}  // namespace sandbox::engine
