// `.env`, variables for interpolation beside the profile, and the files that env_file names.
// Compose's grammar: NAME=value a line, NAME alone for the caller's value,
// `export ` allowed, # comments; 'single quotes' keep everything, "double quotes" know \n \r \t
// \\ and
// \" \$ ${…}, bare values ${…} and end at " #". Values may refer to earlier ones.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "interpolate.hpp"

namespace sandbox::project {

// `file` is for messages. `outer`: what the environment says; it wins in ${…}.
// Throws UsageError "FILE:LINE: why".
[[nodiscard]] std::map<std::string, std::string> parse_dotenv(std::string_view text,
                                                              const std::string& file,
                                                              const Variables& outer);

}  // namespace sandbox::project
