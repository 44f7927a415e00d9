// Runs a helper program of the host (newuidmap, credential helpers) and waits for it. Never through
// a shell; an absolute path or a search of PATH; environment as given or inherited.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::base {

struct SubprocessResult {
    int exit_code = 0;  // 128+n when ended by signal n
    std::string out;    // at most 1 MiB each; more is cut
    std::string err;
};

struct SubprocessOptions {
    std::string input;                            // goes to stdin
    std::chrono::milliseconds timeout{30'000};    // then SIGKILL and an Error
    std::optional<std::vector<std::string>> env;  // absent: inherited
};

// Throws SysError (ENOENT when the program is not found).
SubprocessResult run_subprocess(const std::vector<std::string>& argv,
                                const SubprocessOptions& options = {});
// Absolute path of `program` on PATH (also /usr/sbin, /sbin), when there.
[[nodiscard]] std::optional<std::string> try_find_program(const std::string& program);

}  // namespace sandbox::base
