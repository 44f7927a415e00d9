#include "unit.hpp"

#include <csignal>

#include "sandbox/base/error.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "tail.hpp"

namespace sandbox::project {
namespace {

// A container that is gone counts as killed.
Observation observe(const store::Store& store, const Service& service,
                    const std::vector<std::string>& image_ports, const std::string& id,
                    Condition condition) {
    Observation seen;
    if (auto state = engine::try_observe_container(store, id)) {
        seen.state = std::move(*state);
    } else {
        seen.state.status = store::ContainerState::Status::exited;
        seen.state.exit_code = base::exit_code::kSignalBase + SIGKILL;
        seen.state.error = "somebody has removed it";
    }
    const bool by_port = service.ready && service.ready->port;
    seen.has_check = !seen.state.health.empty() && !by_port;
    if (seen.has_check || condition != Condition::ready) return seen;
    seen.declared = declared_ports(service, image_ports);
    if (seen.declared.empty()) return seen;
    if (const auto listening = engine::try_listening_ports(store, id)) {
        seen.listening = *listening;
        seen.listening_known = true;
    }
    return seen;
}

// Whether it has had the time to meet what is expected of it.
bool is_overdue(const Unit& unit, const Action& action, const Observation& seen,
                Condition condition, std::chrono::seconds patience) {
    // Most servers listen by then; a port for something that is begun by hand never is.
    constexpr std::chrono::seconds kUnneeded{10};
    const auto waited = std::chrono::steady_clock::now() - unit.started_at;
    if (unit.expected.is_needed) {
        // What shall run to its end takes the time it takes.
        if (unit.service->is_task) return false;
        if (condition == Condition::completed && !unit.expected.strict) return false;
        // Its check knows when to give up, unless it never comes to that.
        const bool restarts = seen.state.status == store::ContainerState::Status::restarting;
        return (!seen.has_check || restarts) && waited > patience;
    }
    if (waited > kUnneeded) return true;
    const std::chrono::nanoseconds lived = std::chrono::system_clock::now().time_since_epoch() -
                                           std::chrono::nanoseconds(seen.state.started_ns);
    return action.kind == Action::Kind::keep && lived > kUnneeded;
}

}  // namespace

bool has_met(const Unit& unit, Condition condition) {
    return unit.phase == Unit::Phase::good || unit.met.count(condition) != 0;
}

Look look_for(const store::Store& store, Unit& unit, Condition condition,
              std::chrono::seconds patience) {
    unit.shortfalls.clear();
    for (const Action& action : unit.actions) {
        const Observation seen =
            observe(store, *unit.service, unit.image_ports, action.id, condition);
        const bool has_ended = seen.state.status == store::ContainerState::Status::exited;
        // It did what it was for, and nobody counts on more.
        if (has_ended && seen.state.exit_code == 0 && unit.expected.may_end) continue;
        const Verdict verdict =
            judge(condition, seen, is_overdue(unit, action, seen, condition, patience));
        if (verdict.kind == Verdict::Kind::good) continue;
        if (verdict.kind == Verdict::Kind::not_yet || unit.expected.is_needed) {
            return {verdict, &action};
        }
        unit.shortfalls[action.container] =
            has_ended ? end_text(seen.state)
                      : "is not ready, which nobody waits for: " + verdict.why;
    }
    return {{Verdict::Kind::good, {}}, nullptr};
}

Failure describe_failure(const store::Store& store, const std::string& service,
                         const std::string& container, const std::string& id,
                         const std::string& why) {
    Failure failure{service, container, why, {}, {}};
    const auto state = id.empty() ? std::nullopt : engine::try_observe_container(store, id);
    if (state) {
        constexpr size_t kLines = 10;
        if (!state->health_log.empty()) failure.probe_output = state->health_log.back().output;
        failure.log_lines = last_log_lines(store, id, kLines);
    }
    return failure;
}

}  // namespace sandbox::project
