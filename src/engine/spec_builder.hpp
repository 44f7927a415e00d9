// Image config + flags + facts of the host → ContainerSpec. Order of precedence: flags, image, our
// defaults. Pure: nothing is made or mounted here, so everything that can be wrong is found before
// a container exists. What needs the container's id comes last, by name_container().
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/parsed_request.hpp"
#include "engine/user_lookup.hpp"
#include "sandbox/engine/container_spec.hpp"
#include "sandbox/engine/run.hpp"
#include "sandbox/oci/image_config.hpp"

namespace sandbox::engine {

struct HostFacts {
    kernel::IdMap ids;        // what host_id_map() answers
    std::string host_name;    // with the host's network
    std::string resolv_conf;  // content of the host's files; empty when they are not there
    std::string hosts;
    rlimit nofile{};            // the caller's own
    bool has_terminal = false;  // stdin and stdout are one
};
[[nodiscard]] HostFacts host_facts(NetworkMode mode);

struct SpecDraft {
    ContainerSpec spec;             // volumes still without a source
    std::vector<MountWish> mounts;  // flags' and image's, sorted; become spec.mounts
    std::map<std::string, std::string> labels;
    std::vector<std::string> declared_env;  // as inspect shows it: image and flags only
    std::vector<std::string> entrypoint, cmd;
    bool keep = false;
};

// Throws UsageError (125): no command, unknown user, id beyond the map, ….
[[nodiscard]] SpecDraft make_spec(const RunRequest& request, const ParsedRequest& parsed,
                                  const oci::ImageConfig& config, const AccountFiles& accounts,
                                  image::RootfsPlan rootfs, const HostFacts& host);
// Id, name, host name and what follows from them.
void name_container(ContainerSpec& spec, const ParsedRequest& parsed, const HostFacts& host,
                    const std::string& id, const std::string& name);

// docker's rule for Entrypoint and Cmd. Throws UsageError (125) "no command …" when both are empty.
struct CommandLine {
    std::vector<std::string> entrypoint, cmd;
};
[[nodiscard]] CommandLine make_command(const RunRequest& request, const oci::ImageConfig& config);

// The ladder: a range as it is; else one id, which is the payload's own, or 0 where changes of
// identity are emulated or faked. Throws when `wish` cannot be had here.
[[nodiscard]] IdentityMode choose_identity(const kernel::IdMap& host, const IdentitySpec& user,
                                           std::optional<IdentityMode> wish);
// Throws when the range does not hold the user.
[[nodiscard]] kernel::IdMap choose_id_map(const kernel::IdMap& host, const IdentitySpec& user,
                                          IdentityMode mode);

}  // namespace sandbox::engine
