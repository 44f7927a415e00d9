// Every flag of `run` whose value is more than a word, but for mounts and users: text to value.
// Each throws UsageError (125): one line, with the cure as hint.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/engine/container_spec.hpp"

namespace sandbox::engine {

// "nofile=1024:2048", "core=0", "memlock=-1". `host_hard`: the caller's own hard limit, which
// nobody without root can pass (setrlimit(2)); asked by resource number.
[[nodiscard]] std::pair<int, rlimit> parse_ulimit(std::string_view text);
[[nodiscard]] std::string rlimit_name(int resource);
// What this process may give: at most its own hard limit, with a warning; if `strict` that throws.
[[nodiscard]] rlimit allowed_ulimit(std::string_view typed, int resource, const rlimit& wish,
                                    const rlimit& host_limit, bool strict);
[[nodiscard]] std::string ulimit_text(int resource, const rlimit& limit);  // "nofile=1024:2048"

struct SecurityWish {
    bool no_new_privileges = false;
    bool mask_paths = true;
    bool seccomp_unconfined = false;
    std::string seccomp_file;  // empty: the default policy
    std::vector<std::string> notices;
};
[[nodiscard]] SecurityWish parse_security_opts(const std::vector<std::string>& options);

struct NetworkWish {
    NetworkMode mode = NetworkMode::attached;
    std::string name = "private";  // as typed, for the record
    bool named = false;            // the name is that of a network
};
[[nodiscard]] NetworkWish parse_network(std::string_view text);
// "NAME" or docker's long form, "name=NAME,alias=A,alias=B,ip=10.0.0.9,ip6=…,mac-address=…".
[[nodiscard]] NetworkUse parse_network_use(std::string_view text);

// "name:ip", "name=ip", "name:[v6]". "host-gateway" stays as it is when attached: the address is
// known at the start; it is the loopback with the host's network, and an error with none.
inline constexpr std::string_view kHostGateway = "host-gateway";
[[nodiscard]] std::pair<std::string, std::string> parse_add_host(std::string_view text,
                                                                 NetworkMode mode);
[[nodiscard]] std::string check_ip_address(std::string_view text, std::string_view flag);
// --host-access: "5432", "8000-8010", "link-local".
struct HostAccess {
    std::vector<std::uint16_t> ports;
    bool link_local = false;
    [[nodiscard]] bool any() const noexcept { return !ports.empty() || link_local; }
};
[[nodiscard]] HostAccess parse_host_access(const std::vector<std::string>& texts);
[[nodiscard]] std::string check_network_alias(std::string_view text);
[[nodiscard]] std::string check_mac_address(std::string_view text);
[[nodiscard]] std::string check_hostname(std::string_view text);
[[nodiscard]] std::string check_container_name(std::string_view text);
// "key=value"; only keys that belong to a namespace of the container.
[[nodiscard]] std::pair<std::string, std::string> parse_sysctl(std::string_view text,
                                                               NetworkMode mode);
[[nodiscard]] std::uint64_t parse_shm_size(std::string_view text);
[[nodiscard]] std::uint64_t parse_pids_limit(std::string_view text);  // -1 and 0: none → 0
// "key=value" or "key"; later ones win.
void parse_label(std::string_view text, std::string_view flag,
                 std::map<std::string, std::string>& labels);
// "80", "80/udp", "8000-8010" → "80/tcp", …
[[nodiscard]] std::vector<std::string> parse_expose(std::string_view text);
void check_userns(std::string_view text);
// subuid, emulate, map-user, fake.
[[nodiscard]] IdentityMode parse_identity(std::string_view text);
[[nodiscard]] bool is_ip_address(const std::string& text) noexcept;

}  // namespace sandbox::engine
