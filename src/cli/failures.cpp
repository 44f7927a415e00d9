#include "cli/failures.hpp"

#include <unistd.h>

#include <string>

#include "sandbox/base/strings.hpp"

namespace sandbox::cli {

void say_error(const base::Error& error) {
    std::string line = "sandbox: " + base::escape_control(error.message());
    if (!error.hint().empty()) line += " (" + base::escape_control(error.hint()) + ")";
    line += '\n';
    if (!error.detail().empty()) line += error.detail() + '\n';
    // When nobody listens there is nobody left to tell; the exit code still says it.
    (void)!::write(STDERR_FILENO, line.data(), line.size());
}

void Failures::note(const base::Error& error) {
    say_error(error);
    if (code_ != 0) return;
    const bool foreign = error.code() == 0 || error.code() == base::exit_code::kEngine;
    code_ = foreign ? base::exit_code::kFailure : error.code();
}

}  // namespace sandbox::cli
