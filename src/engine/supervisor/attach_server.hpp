// The operations by which other commands get at a container's streams:
//   attach {stdin, stdout, stderr} → {tty} and a stream socket (see OutputHub::attach)
//   resize {rows, columns} → {}
#pragma once

#include <functional>

#include "engine/control/server.hpp"
#include "engine/supervisor/output.hpp"

namespace sandbox::engine {

// `hub` answers null while nothing runs. `resized`: a client has given its terminal's size.
void serve_attach(ControlServer& server, std::function<OutputHub*()> hub,
                  std::function<void(const winsize&)> resized);

}  // namespace sandbox::engine
