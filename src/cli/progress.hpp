// Progress of a pull on standard error: a bar a layer on a terminal, plain lines otherwise.
#pragma once

#include <memory>

#include "sandbox/image/progress.hpp"

namespace sandbox::cli {

enum class ProgressStyle { none, lines, bars };
// quiet: none; bars where standard error is a terminal that can move its cursor.
[[nodiscard]] ProgressStyle progress_style(bool quiet);
// Never null. The bars' display clears itself when destroyed.
[[nodiscard]] std::unique_ptr<image::Progress> make_progress(ProgressStyle style);

}  // namespace sandbox::cli
