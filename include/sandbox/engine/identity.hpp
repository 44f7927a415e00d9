// How the ids of containers are made here.
#pragma once

namespace sandbox::engine {

// Identities can be emulated for this process's containers. Must be called with one thread.
[[nodiscard]] bool can_emulate_identities() noexcept;

}  // namespace sandbox::engine
