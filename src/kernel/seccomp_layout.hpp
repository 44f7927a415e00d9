// Writes decision trees of classic BPF from the end to the beginning: jumps go forwards only, so
// what they lead to is known when they are written, and equal answers stand once for many jumps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sandbox/kernel/seccomp.hpp"

namespace sandbox::kernel {

class BackwardsLayout {
  public:
    // An instruction of the finished program, counted from its end.
    using Place = std::size_t;

    // A block that ends in returns only. Equal ones are written once.
    Place block(const BpfProgram& code);
    // Compares the accumulator. The two places are anything that was written before.
    Place test(std::uint16_t comparison, std::uint32_t value, Place if_true, Place if_false);
    // Loads the accumulator and goes on at `next`.
    Place load(std::uint32_t offset, Place next);

    // The program that begins at what was written last.
    [[nodiscard]] BpfProgram finish() const;

  private:
    [[nodiscard]] std::size_t distance(Place to) const noexcept;
    Place near(Place to);

    struct Known {
        BpfProgram code;
        Place place;
    };
    BpfProgram reversed_;
    std::vector<Known> known_;
};

}  // namespace sandbox::kernel
