// What record.json of a container says; the one place that knows its keys. Others may read:
//   id, name (put in by the store), image (as typed), image_id ("sha256:…"), platform, layers
//   (names of layer directories, kept as long as the record is), volumes (names), created, started,
//   finished (Unix seconds), keep (false: removed when it ends, and by whoever finds it dead),
//   exit_code (absent until it ended), error, command, entrypoint, cmd, env, user, working_dir,
//   hostname, labels, annotations, image_volumes, stop_signal, stop_timeout, tty, open_stdin,
//   network, read_only, privileged, cap_add, cap_drop, security_opt, shm_size, pids_limit, binds,
//   mounts ([{type, name, source, destination, read_only, …}]), request (how to start it again:
//   saved_request.hpp; absent for one-shot runs). What it is doing is in state.json beside it.
#pragma once

#include <string>
#include <vector>

#include "engine/spec_builder.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::engine {

[[nodiscard]] base::json::Value make_record(const RunRequest& request, const ParsedRequest& parsed,
                                            const SpecDraft& draft, const oci::ImageConfig& config,
                                            const store::ImageRecord& image,
                                            const std::vector<std::string>& volumes);
// What of them was only planned when the record was made.
void set_mounts(base::json::Value& record, const std::vector<MountSpec>& mounts);
// Binds and volumes of a record, for --volumes-from. A damaged record has none.
[[nodiscard]] std::vector<MountWish> record_mounts(const base::json::Value& record);
// All mounts, as resolved when the container was made: volumes by name, with their data's path.
[[nodiscard]] std::vector<MountWish> saved_mounts(const base::json::Value& record);
[[nodiscard]] RestartPolicy record_restart_policy(const base::json::Value& record);
[[nodiscard]] bool record_keeps(const base::json::Value& record);

// It was made where there was one id only.
[[nodiscard]] bool record_has_one_id(const base::json::Value& record);

}  // namespace sandbox::engine
