// The caller's side of a program that was executed in a container: his signals go in, his terminal
// both ways, until its end. As supervise.hpp, but nothing of the container is ours.
#pragma once

#include "engine/exec/join.hpp"
#include "engine/supervise.hpp"

namespace sandbox::engine {

// Answers when the program has ended and all it wrote to its terminal has been passed on. Throws
// 126/127 when it could not be executed. The terminal is as it was before.
[[nodiscard]] kernel::ExitStatus serve_exec(RunningExec& running, const ExecSpec& spec,
                                            bool interactive, SignalGate& gate);

}  // namespace sandbox::engine
