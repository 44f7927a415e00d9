// Changes to an image's config in the words of a Dockerfile: `commit -c` and `import -c`. Pure.
#pragma once

#include <string>
#include <vector>

#include "sandbox/base/json.hpp"

namespace sandbox::oci {

// CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME,
// WORKDIR, as if they stood in a Dockerfile behind what made `config` (the "config" object of an
// image's document). Throws UsageError "… is not a valid change command".
void apply_config_changes(base::json::Object& config, const std::vector<std::string>& changes);

}  // namespace sandbox::oci
