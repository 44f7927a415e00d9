// The command line: from argv to an exit code. CLI11 is behind parse_flags() only.
#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::cli {

// All of the program (dispatch.cpp). Never throws.
int run(int argc, char** argv) noexcept;

// An error that is followed by the usage line.
struct HelpWanted {};  // --help

// The words after the verb → flags and arguments; arguments are as typed. Throws HelpWanted,
// UsageError "unknown flag: --x", "flag needs an argument: --x", "… requires …", and for a flag
// that is refused with its reason.
[[nodiscard]] Invocation parse_flags(const Command& command, const std::vector<std::string>& words);

}  // namespace sandbox::cli
