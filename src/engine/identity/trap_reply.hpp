#pragma once

namespace sandbox::engine {

// What becomes of a trapped call.
struct TrapReply {
    bool go_on = false;  // the kernel does it
    long value = 0;      // else: its result, -errno for a failure
    static TrapReply kernel() noexcept { return {true, 0}; }
    static TrapReply result(long value) noexcept { return {false, value}; }
};

}  // namespace sandbox::engine
