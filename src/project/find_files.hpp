// Which files a project is read from, where it is, and what .env says beside it. What the files say
// is for load.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/project/profile.hpp"
#include "sources.hpp"

namespace sandbox::project {

struct FoundFiles {
    std::vector<std::string> files;             // absolute or kStandardInput, not empty
    std::string directory;                      // absolute: the project's
    std::vector<std::string> env_files;         // absolute: of the flags, or .env
    std::map<std::string, std::string> dotenv;  // what they say, the last one wins
};
// The flags', SANDBOX_FILE's, COMPOSE_FILE's (where it is heard: the environment's before that of
// .env), or those that are found upward, in this order. Throws NotFoundError (1) when there are
// none, or no file of variables that is asked for; UsageError for one that is malformed.
[[nodiscard]] FoundFiles find_files(const LoadOptions& options, Sources& sources);

// The path of .env in this directory, unless that is a directory, which is something else's.
[[nodiscard]] std::optional<std::string> try_dotenv_in(const std::string& directory);

// The variables of these files, the last one wins; `outer` wins within ${…}. Throws as above.
[[nodiscard]] std::map<std::string, std::string> load_dotenv(Sources& sources,
                                                             const std::vector<std::string>& files,
                                                             const Variables& outer);

}  // namespace sandbox::project
