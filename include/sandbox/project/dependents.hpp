// What those learn that depend on a container that has died by itself. There is no process of a
// project: the container's own supervisor starts one for the occasion (RunRequest::follow_up),
// which reads the profile again, as `start` does.
#pragma once

#include <string>

namespace sandbox::project {

inline constexpr const char* kFollowUpVerb = "__dependents";

// `what` "restarted": the restart policy of container `id` has started it again at that time (Unix,
// ns). Dependents that run are told by an event, "dependency_restarted"; those that want to be
// restarted with it are, as soon as it is good enough for them, unless it has died again meanwhile:
// that is told by itself. "ended": it has ended for good; "dependency_ended".
// Nobody looks at the exit code.
int follow_container(const std::string& what, const std::string& store_root, const std::string& id,
                     const std::string& started_ns) noexcept;

}  // namespace sandbox::project
