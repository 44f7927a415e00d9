#include "inspect_nil.hpp"

#include <algorithm>
#include <iterator>

namespace sandbox::cli {
namespace {

constexpr std::string_view kPointers[] = {
    "Health",         "Healthcheck", "IPAMConfig", "MemorySwappiness",
    "OomKillDisable", "PidsLimit",   "Init",       "StopTimeout",
};
constexpr std::string_view kLists[] = {
    "Aliases",     "Args",        "Binds",       "BlkioWeightDevice",
    "CapAdd",      "CapDrop",     "Cmd",         "DNSNames",
    "Devices",     "Dns",         "DnsOptions",  "DnsSearch",
    "Entrypoint",  "Env",         "ExecIDs",     "ExtraHosts",
    "GroupAdd",    "Links",       "Mounts",      "OnBuild",
    "RepoDigests", "RepoTags",    "SecurityOpt", "Shell",
    "Ulimits",     "VolumesFrom",
};
constexpr std::string_view kMaps[] = {
    "Annotations", "Data",         "DriverOpts", "ExposedPorts", "Labels", "Networks",
    "Options",     "PortBindings", "Ports",      "Sysctls",      "Tmpfs",  "Volumes",
};

template <size_t N>
bool contains(const std::string_view (&names)[N], std::string_view name) noexcept {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

std::optional<std::string_view> nil_text(std::string_view field) noexcept {
    if (contains(kPointers, field)) return "<nil>";
    if (contains(kLists, field)) return "[]";
    if (contains(kMaps, field)) return "map[]";
    return std::nullopt;
}

}  // namespace sandbox::cli
