// Faults between containers, by their ids: on each named network that both are on. See
// net/fault.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

struct FaultWish {
    std::chrono::microseconds delay{};
    std::uint32_t drop_ppm = 0;
    bool partition = false;
};
// All zero: clears the pair's. Throws Error (1) when one does not run, or they share no network.
void set_network_fault(const store::Store& store, const std::string& a_id, const std::string& b_id,
                       const FaultWish& wish);

struct FaultRow {
    std::string a, b, network;  // names
    FaultWish wish;
};
[[nodiscard]] std::vector<FaultRow> list_network_faults(const store::Store& store);

}  // namespace sandbox::engine
