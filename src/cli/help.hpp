// Help texts, made from the tables.
#pragma once

#include <string>
#include <string_view>

#include "cli/command.hpp"

namespace sandbox::cli {

[[nodiscard]] std::string overview_help();
[[nodiscard]] std::string group_help(std::string_view group);
[[nodiscard]] std::string command_help(const Command& command);
// "sandbox run [flags] IMAGE [COMMAND [ARG...]]"
[[nodiscard]] std::string synopsis(const Command& command);
// "see `sandbox run --help`", as the cure of a wrong flag.
[[nodiscard]] std::string see_help(const Command& command);

}  // namespace sandbox::cli
