// What may stand at the end of an unfinished command line. The shells' scripts only ask; all they
// show comes from the tables and the store.
#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"

namespace sandbox::cli {

struct Candidate {
    std::string word;
    std::string description;  // may be empty
};
struct Completion {
    std::vector<Candidate> candidates;
    bool files = false;  // the shell offers file names
};
// `words`: after "sandbox"; the last one is unfinished, perhaps empty. Never throws for a command
// line that makes no sense: then there are no candidates.
[[nodiscard]] Completion complete(Context& context, const std::vector<std::string>& words);
// The script that a shell loads; "" for a shell that is not known.
[[nodiscard]] std::string completion_script(std::string_view shell);

}  // namespace sandbox::cli
