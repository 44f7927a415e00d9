#include "readiness.hpp"

#include <algorithm>

#include "sandbox/base/strings.hpp"
#include "sandbox/net/published_port.hpp"

namespace sandbox::project {
namespace {

using Kind = Verdict::Kind;
using Status = store::ContainerState::Status;

bool has_ended(const store::ContainerState& state) {
    return state.status == Status::exited;
}

Verdict judge_task(const store::ContainerState& state) {
    if (has_ended(state)) {
        if (state.exit_code == 0) return {Kind::good, {}};
        return {Kind::never, "it " + end_text(state)};
    }
    return {Kind::not_yet, "it is still running"};
}

Verdict judge_health(const store::ContainerState& state) {
    if (state.health == "healthy") return {Kind::good, {}};
    if (state.health == "unhealthy") return {Kind::never, "its check says no"};
    std::string why = "its check has not said yes yet";
    if (state.failing_streak > 0) {
        why += " (" + std::to_string(state.failing_streak) +
               (state.failing_streak == 1 ? " try)" : " tries)");
    }
    return {Kind::not_yet, why};
}

Verdict judge_ports(const Observation& seen) {
    if (!seen.listening_known) return {Kind::not_yet, "its sockets cannot be seen yet"};
    for (const std::string& port : seen.declared) {
        if (std::find(seen.listening.begin(), seen.listening.end(), port) != seen.listening.end()) {
            return {Kind::good, {}};
        }
    }
    return {Kind::not_yet, base::join(seen.declared, ", ") + " not listening yet"};
}

bool has_own_check(const Service& service) {
    return (service.ready && !service.ready->disabled) ||
           (service.healthcheck && !service.healthcheck->disabled);
}

}  // namespace

Verdict judge(Condition condition, const Observation& seen, bool timed_out) {
    const store::ContainerState& state = seen.state;
    Verdict verdict;
    if (condition == Condition::completed) {
        verdict = judge_task(state);
    } else if (has_ended(state)) {
        return {Kind::never, "it " + end_text(state)};
    } else if (state.status == Status::restarting) {
        verdict = {Kind::not_yet, "it is being restarted: it " + end_text(state)};
    } else if (state.status == Status::created) {
        verdict = {Kind::not_yet, "it is being started"};
    } else if (condition == Condition::started) {
        return {Kind::good, {}};
    } else if (seen.has_check) {
        verdict = judge_health(state);
    } else if (condition == Condition::healthy) {
        return {Kind::never, "it has no health check"};
    } else if (!seen.declared.empty()) {
        verdict = judge_ports(seen);
    } else {
        return {Kind::good, {}};
    }
    if (timed_out && verdict.kind == Kind::not_yet) verdict.kind = Kind::never;
    return verdict;
}

std::optional<Condition> condition_for(const Service& service, const std::string& other) {
    for (const Dependency& dependency : service.depends_on) {
        if (dependency.service == other) return dependency.condition;
    }
    const auto& lenders = service.request.volumes_from;
    const bool borrows = std::any_of(lenders.begin(), lenders.end(), [&](const std::string& from) {
        return from.substr(0, from.find(':')) == other;
    });
    if (borrows || service.request.network == "service:" + other) return Condition::started;
    return std::nullopt;
}

bool has_check(const Service& service, const oci::ImageConfig& image) {
    if (service.ready || service.healthcheck) return has_own_check(service);
    return image.healthcheck && !image.healthcheck->test.empty() &&
           image.healthcheck->test.front() != "NONE";
}

Expectation expectation_of(const Service& service, const std::vector<const Service*>& others,
                           std::optional<Condition> least, bool strict) {
    Expectation result;
    result.strict = strict;
    // Whoever waits for a task waits for its end.
    if (service.is_task) {
        result.conditions.insert(Condition::completed);
        return result;
    }
    for (const Service* other : others) {
        const std::optional<Condition> condition = condition_for(*other, service.name);
        if (condition && *condition != Condition::started) result.conditions.insert(*condition);
    }
    const bool is_counted_on = !result.conditions.empty();
    result.may_end = !is_counted_on || result.conditions.count(Condition::completed) != 0;
    result.is_needed = is_counted_on || strict || has_own_check(service);
    if (!is_counted_on && least) result.conditions.insert(*least);
    return result;
}

std::string end_text(const store::ContainerState& state) {
    std::string text = "has ended with " + std::to_string(state.exit_code);
    if (state.oom_killed) text += ", out of memory";
    if (!state.error.empty()) text += ": " + state.error;
    return text;
}

std::chrono::nanoseconds pause_after(std::chrono::nanoseconds waited) noexcept {
    constexpr std::chrono::nanoseconds kLeast = std::chrono::milliseconds(1);
    constexpr std::chrono::nanoseconds kMost = std::chrono::milliseconds(50);
    return std::clamp(waited / 16, kLeast, kMost);
}

std::vector<std::string> ports_of_image(const Service& service, const oci::ImageConfig& image) {
    const engine::RunRequest& request = service.request;
    if (request.entrypoint) return {};
    if (request.command.empty()) return image.exposed_ports;
    const std::string& program = request.command.front();
    // Flags go to the program; "redis-server --appendonly yes" is it.
    const bool same = program.starts_with("-") ||
                      (image.cmd && !image.cmd->empty() && image.cmd->front() == program);
    return same ? image.exposed_ports : std::vector<std::string>();
}

std::vector<std::string> declared_ports(const Service& service,
                                        const std::vector<std::string>& image_ports) {
    if (service.ready && service.ready->port) {
        return {std::to_string(*service.ready->port) + "/tcp"};
    }
    std::vector<std::string> ports;
    for (const std::string& text : service.request.publish) {
        for (const net::PublishedPort& port : net::parse_published_port(text)) {
            ports.push_back(std::to_string(port.container_port) + "/" +
                            std::string(net::transport_name(port.transport)));
        }
    }
    const std::vector<std::string>& exposed = service.request.expose;
    ports.insert(ports.end(), exposed.begin(), exposed.end());
    return ports.empty() ? image_ports : ports;
}

}  // namespace sandbox::project
