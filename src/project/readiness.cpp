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

std::string end_text(const store::ContainerState& state) {
    std::string text = "it has ended with " + std::to_string(state.exit_code);
    if (state.oom_killed) text += ", out of memory";
    if (!state.error.empty()) text += ": " + state.error;
    return text;
}

Verdict judge_task(const store::ContainerState& state) {
    if (has_ended(state)) {
        if (state.exit_code == 0) return {Kind::good, {}};
        return {Kind::never, end_text(state)};
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

}  // namespace

Verdict judge(Condition condition, const Observation& seen, bool timed_out) {
    const store::ContainerState& state = seen.state;
    Verdict verdict;
    if (condition == Condition::completed) {
        verdict = judge_task(state);
    } else if (has_ended(state)) {
        return {Kind::never, end_text(state)};
    } else if (state.status == Status::restarting) {
        verdict = {Kind::not_yet, "it is being restarted: " + end_text(state)};
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

Condition wanted_condition(const Service& service, const std::vector<const Service*>& others,
                           bool wait) {
    if (service.is_task) return Condition::completed;
    Condition strictest = wait ? Condition::ready : Condition::started;
    for (const Service* other : others) {
        for (const Dependency& dependency : other->depends_on) {
            if (dependency.service != service.name) continue;
            if (dependency.condition == Condition::completed) return Condition::completed;
            if (dependency.condition == Condition::healthy) strictest = Condition::healthy;
            if (dependency.condition == Condition::ready && strictest == Condition::started) {
                strictest = Condition::ready;
            }
        }
    }
    return strictest;
}

bool is_counted_on(const Service& service, const std::vector<const Service*>& others) {
    return std::any_of(others.begin(), others.end(), [&](const Service* other) {
        const auto& all = other->depends_on;
        return std::any_of(all.begin(), all.end(), [&](const Dependency& dependency) {
            return dependency.service == service.name &&
                   (dependency.condition == Condition::ready ||
                    dependency.condition == Condition::healthy);
        });
    });
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
