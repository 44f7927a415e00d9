// compose.yaml read as it is. load_project() takes such files directly; this is for `init --from`,
// which writes the profile that they amount to.
#pragma once

#include <string>
#include <vector>

namespace sandbox::project {

struct ComposeImport {
    std::string toml;                  // the profile; what was refused is left out
    std::vector<std::string> changed;  // "compose.yaml:7: services.db.deploy.replicas: scale"
    std::vector<std::string> ignored;
    std::vector<std::string> refused;  // not empty: the profile does less than the file says
};

// `shown`: the file's name in messages. Throws UsageError with the place when it is not
// a compose file, NotFoundError when it is not there.
[[nodiscard]] ComposeImport import_compose(const std::string& path, const std::string& shown);

}  // namespace sandbox::project
