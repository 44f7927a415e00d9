// One service with its containers while `up` works on it, and what is seen of them.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "readiness.hpp"
#include "sandbox/project/orchestrator.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

struct Unit {
    enum class Phase { blocked, started, good, failed, skipped };
    const Service* service = nullptr;
    std::vector<Action> actions;
    Phase phase = Phase::blocked;
    Expectation expected;
    std::set<Condition> met;
    std::map<std::string, std::string> shortfalls;  // by container: what it is not; no failure
    std::string culprit;                            // skipped: the service whose failure it is
    bool began = false;                             // its containers were made or started by us
    std::chrono::steady_clock::time_point started_at;
    std::vector<std::string> image_ports;
    std::string last_wait;
    std::chrono::steady_clock::time_point last_told;
};

[[nodiscard]] bool has_met(const Unit& unit, Condition condition);

struct Look {
    Verdict verdict;
    const Action* action = nullptr;  // whose it is; null: all have met it
};
// At the first of its containers that has not met it. Where it is not needed, they are given up
// before long, as `shortfalls`.
[[nodiscard]] Look look_for(const store::Store& store, Unit& unit, Condition condition,
                            std::chrono::seconds patience);

// With the last words of its check and its log; `id` may be empty: there is no container.
[[nodiscard]] Failure describe_failure(const store::Store& store, const std::string& service,
                                       const std::string& container, const std::string& id,
                                       const std::string& why);

}  // namespace sandbox::project
