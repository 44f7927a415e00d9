#include "etc_files.hpp"

#include "sandbox/base/strings.hpp"

namespace sandbox::engine {

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
