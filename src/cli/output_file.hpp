// Files that a flag names for what a command makes: -o FILE.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace sandbox::cli {

// `write` writes to the descriptor that it is given. A file is written beside and renamed, so that
// what fails leaves no half of one behind, and one of that name is replaced; a device or a pipe is
// written to. Throws SysError.
void write_to_file(const std::string& path, mode_t mode, const std::function<void(int fd)>& write);

}  // namespace sandbox::cli
