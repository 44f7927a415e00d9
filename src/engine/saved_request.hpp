// A RunRequest as it is kept in a container's record, so that the container can be started again by
// another process, in another directory, with another environment: what came from the caller (its
// variables, its files, relative paths) is resolved; mounts are the record's own.
#pragma once

#include "engine/parsed_request.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/engine/run.hpp"

namespace sandbox::engine {

// The request without what only the first start needs (pull policy, cidfile, …) and with what the
// caller's surroundings added. `tty` and `interactive`: as they were found out.
[[nodiscard]] RunRequest settle_request(const RunRequest& request, const ParsedRequest& parsed,
                                        bool tty, bool interactive);
// Fields that are as by default are left out.
[[nodiscard]] base::json::Value request_to_json(const RunRequest& request);
// Unknown keys are those of a newer version: an Error that says so.
[[nodiscard]] RunRequest request_from_json(const base::json::Value& document);

}  // namespace sandbox::engine
