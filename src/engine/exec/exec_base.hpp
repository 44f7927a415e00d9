// What a program in a running container starts from: how its payload was started, and where it is.
// The supervisor answers it to the op "exec"; whoever joins (exec, cp, top) asks for it.
//   answer: {"fds": ["user", "mnt", …, "base", "cgroup"?], "base_bytes": n, "paused": bool}
//   descriptors in that order; "base" is a sealed file in memory: a JSON document of n bytes, then
//   the seccomp program. It may be larger than a packet.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "engine/control/client.hpp"
#include "engine/control/server.hpp"
#include "engine/exec/join.hpp"
#include "engine/identity/credentials.hpp"

namespace sandbox::engine {

struct ExecBase {
    ExecSpec spec;  // all but argv and what the caller wishes
    NamespaceFds namespaces;
    base::UniqueFd cgroup_procs;  // of the container's cgroup, for writing; may be empty
    bool paused = false;
};
// Throws what the supervisor answered.
[[nodiscard]] ExecBase fetch_exec_base(ControlClient& client);

// The document and back; `seccomp` is not in it. Throws IntegrityError for what is none.
[[nodiscard]] base::json::Value exec_base_to_json(const ContainerSpec& spec);
[[nodiscard]] ExecSpec exec_base_from_json(const base::json::Value& document);

// The op "identity", which a listener of emulated identities rides along with: who the program is.
[[nodiscard]] base::json::Value identity_request(const ExecSpec& spec, const IdentitySpec& user);
[[nodiscard]] Credentials credentials_from_request(const base::json::Value& request);

// The same without a supervisor's answer: for the supervisor itself.
[[nodiscard]] ExecSpec exec_spec_of(const ContainerSpec& spec);

// What the supervisor knows of the container that runs.
struct ExecSource {
    const ContainerSpec* spec = nullptr;
    const NamespaceFds* namespaces = nullptr;
    bool paused = false;
    base::UniqueFd cgroup_procs;  // opened anew for each caller
};

// Serves the op "exec". Cheap until somebody asks.
class ExecService {
  public:
    // `source`: absent when the container does not run. The service must outlive the server's loop.
    ExecService(ControlServer& server, std::function<std::optional<ExecSource>()> source);
    ExecService(const ExecService&) = delete;
    ExecService& operator=(const ExecService&) = delete;
    // The container is another one now (restart): what was prepared is thrown away.
    void forget() noexcept { base_fd_.reset(); }

  private:
    void answer(ControlCall call);

    std::function<std::optional<ExecSource>()> source_;
    base::UniqueFd base_fd_;
    std::int64_t base_bytes_ = 0;
};

}  // namespace sandbox::engine
