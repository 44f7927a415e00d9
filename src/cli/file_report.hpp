// What work on files has to say at its end.
#pragma once

#include "sandbox/image/tree_archive.hpp"

namespace sandbox::cli {

// Notices and failures, one line each on standard error. Answers the exit code: 1 when something
// could not be copied.
int say_file_report(const image::FileReport& report);

}  // namespace sandbox::cli
