// The wire format of D-Bus, as far as user_scope.cpp needs it.
#pragma once

#include <cstddef>

namespace sandbox::kernel {

// What tells a message's whole length: fixed part and the length of the header's fields.
inline constexpr std::size_t kBusHeadBytes = 16;

}  // namespace sandbox::kernel
