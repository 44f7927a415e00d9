#include "sandbox/engine/lifecycle.hpp"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include "engine/container_events.hpp"
#include "engine/container_record.hpp"
#include "engine/dead_containers.hpp"
#include "engine/flags/option_flags.hpp"
#include "engine/settled.hpp"
#include "engine/signal_names.hpp"
#include "engine/supervise.hpp"
#include "engine/supervisor/logout.hpp"
#include "engine/supervisor/spawn.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;
using Status = store::ContainerState::Status;

// Looking shall not hang on a supervisor that is suspended.
constexpr std::chrono::milliseconds kLook{500};
// A supervisor that has nothing left to do is gone by then.
constexpr std::chrono::milliseconds kMoment{200};

store::ContainerEntry find(const store::Store& store, const std::string& name) {
    return store::ContainerStore(store).find(name);
}

std::optional<std::string> try_find_id(const store::Store& store, const std::string& name) {
    try {
        return find(store, name).id;
    } catch (const base::NotFoundError&) {
        return std::nullopt;
    }
}

Patience patience_for(const store::ContainerEntry& entry) {
    return Patience("container " + base::quote(entry.name));
}

[[noreturn]] void throw_not_running(const store::ContainerEntry& entry) {
    throw base::Error("container " + base::quote(entry.name) + " is not running",
                      "start it: sandbox start " + entry.name);
}

store::ContainerState ask_state(ControlClient& client,
                                std::chrono::milliseconds patience = ControlClient::kPatience,
                                bool wanted = false) {
    return store::state_from_json(
        client.call(json::Object{{"op", "state"}, {"wanted", wanted}}, {}, patience)
            .value["state"]);
}

json::Value stop_request(const char* op, const StopWish& wish) {
    json::Object request{{"op", op}};
    if (wish.timeout_seconds) request["timeout"] = *wish.timeout_seconds;
    if (!wish.signal.empty()) request["signal"] = wish.signal;
    return json::Value(std::move(request));
}

// Docker's words for a signal that does not exist.
void check_signal(const std::string& signal) {
    if (!signal.empty() && !try_parse_signal(signal)) {
        throw base::Error("invalid signal: " + signal, "kill -l names them");
    }
}

// Whoever must have its supervisor: absent when there is none.
std::optional<ControlClient> try_supervisor(const store::Store& store,
                                            const store::ContainerEntry& entry) {
    Patience patience = patience_for(entry);
    return settle(store, entry.id, patience).client;
}

// Some calls are answered only at the container's end: SupervisorGone is an end, too.
std::optional<Reply> try_call(ControlClient& client, const json::Value& request) {
    try {
        return client.call(request, {}, std::nullopt);
    } catch (const SupervisorGone&) {
        return std::nullopt;
    }
}

// Whoever comes next finds it free, or removed: but for one that runs again, and one whose
// supervisor still waits for somebody who does not read its output.
void wait_for_end(const store::Store& store, const std::string& id, const SupervisorEnd& end,
                  const std::optional<Reply>& reply) {
    const std::string then = reply ? reply->value.string_or("then") : "";
    if (then == "goes on") return;
    end.wait(store, id, then == "stays" ? std::optional(kMoment) : std::nullopt);
}

void start_owned(const store::Store& store, store::OwnedContainer owned, FirstStreams* streams) {
    SignalGate gate;
    start_supervisor(store, owned, gate, streams);
    warn_of_logout();
}

}  // namespace

void start_container(const store::Store& store, const std::string& name) {
    start_with_streams(store, name, nullptr);
}

void start_with_streams(const store::Store& store, const std::string& name, FirstStreams* streams) {
    const store::ContainerEntry entry = find(store, name);
    Patience patience = patience_for(entry);
    for (;;) {
        Settled settled = settle(store, entry.id, patience);
        if (settled.owned) {
            start_owned(store, std::move(*settled.owned), streams);
            return;
        }
        try {
            const Status status = ask_state(*settled.client, ControlClient::kPatience, true).status;
            if (status == Status::running || status == Status::restarting) return;
            if (status == Status::paused) {
                throw base::Error(
                    "cannot start container " + base::quote(entry.name) + ": it is paused",
                    "sandbox unpause " + entry.name);
            }
        } catch (const SupervisorGone&) {
        }
        patience.wait();  // another start is on its way, or its end
    }
}

void stop_container(const store::Store& store, const std::string& name, const StopWish& wish) {
    check_signal(wish.signal);
    const store::ContainerEntry entry = find(store, name);
    std::optional<ControlClient> client = try_supervisor(store, entry);
    if (!client) return;
    const SupervisorEnd end(*client);
    wait_for_end(store, entry.id, end, try_call(*client, stop_request("stop", wish)));
}

void restart_container(const store::Store& store, const std::string& name, const StopWish& wish) {
    check_signal(wish.signal);
    const store::ContainerEntry entry = find(store, name);
    if (std::optional<ControlClient> client = try_supervisor(store, entry)) {
        const SupervisorEnd end(*client);
        const std::optional<Reply> reply = try_call(*client, stop_request("restart", wish));
        if (reply && reply->value["start"].as_bool() == nullptr) return;
        end.wait(store, entry.id);
    }
    start_container(store, entry.id);
}

void signal_container(const store::Store& store, const std::string& name,
                      const std::string& signal) {
    check_signal(signal);
    const store::ContainerEntry entry = find(store, name);
    std::optional<ControlClient> client = try_supervisor(store, entry);
    if (!client) throw_not_running(entry);
    const std::string word = signal.empty() ? "KILL" : signal;
    const SupervisorEnd end(*client);
    const std::optional<Reply> reply =
        try_call(*client, json::Object{{"op", "kill"}, {"signal", word}});
    if (try_parse_signal(word) == SIGKILL) wait_for_end(store, entry.id, end, reply);
}

WaitCondition parse_wait_condition(std::string_view text) {
    if (text.empty() || text == "not-running" || text == "exited" || text == "stopped") {
        return WaitCondition::not_running;
    }
    if (text == "next-exit") return WaitCondition::next_exit;
    if (text == "removed") return WaitCondition::removed;
    throw base::UsageError("unknown condition " + base::quote(text),
                           "not-running, next-exit or removed");
}

int wait_container(const store::Store& store, const std::string& name, WaitCondition condition) {
    const store::ContainerEntry entry = find(store, name);
    int exit_code = 0;
    try {
        for (;;) {
            Patience patience = patience_for(entry);
            Settled settled = settle(store, entry.id, patience);
            if (settled.owned) {
                exit_code = store::load_state(settled.owned->dir.get(), false).exit_code;
                settled.owned.reset();
                if (condition == WaitCondition::not_running) return exit_code;
                const timespec pause{0, 50'000'000};
                (void)::nanosleep(&pause, nullptr);
                continue;
            }
            const bool next = condition == WaitCondition::next_exit;
            const SupervisorEnd end(*settled.client);
            const auto reply = try_call(
                *settled.client,
                json::Object{{"op", "wait"}, {"condition", next ? "next-exit" : "not-running"}});
            if (reply)
                exit_code = static_cast<int>(reply->value["exit_code"].try_i64().value_or(0));
            if (next && reply) return exit_code;
            if (reply && condition == WaitCondition::not_running) {
                wait_for_end(store, entry.id, end, reply);
                return exit_code;
            }
            if (reply && reply->value.string_or("then") == "goes on") continue;
            end.wait(store, entry.id);
        }
    } catch (const base::NotFoundError&) {
        return exit_code;  // removed
    }
}

void pause_container(const store::Store& store, const std::string& name, bool pause) {
    const store::ContainerEntry entry = find(store, name);
    std::optional<ControlClient> client = try_supervisor(store, entry);
    if (!client) throw_not_running(entry);
    (void)client->call(json::Object{{"op", pause ? "pause" : "unpause"}});
}

void rename_container(const store::Store& store, const std::string& name,
                      const std::string& new_name) {
    const store::ContainerEntry entry = find(store, name);
    const std::string checked = check_container_name(new_name);
    if (checked == entry.name) {
        throw base::UsageError("the new name is the old one: " + base::quote(checked), {},
                               base::exit_code::kFailure);
    }
    Patience patience = patience_for(entry);
    Settled settled = settle(store, entry.id, patience);
    if (settled.client) {
        (void)settled.client->call(json::Object{{"op", "rename"}, {"name", checked}});
        return;
    }
    const store::ContainerStore containers(store);
    const json::Value renamed =
        containers.rename(*settled.owned, containers.find(entry.id).record, checked);
    tell_container(store, entry.id, renamed, "rename", {{"oldName", "/" + entry.name}});
}

void replace_container(const store::Store& store, const std::string& former,
                       const std::string& successor, const std::string& name, bool volumes) {
    const store::ContainerStore containers(store);
    std::optional<store::OwnedContainer> owned = containers.try_own(successor);
    if (!owned) throw base::Error("somebody else has container " + base::quote(successor));
    const json::Value record = containers.find(successor).record;
    try {
        if (const auto other = try_find_id(store, name); other && *other != former) {
            throw base::UsageError("the container name " + base::quote(name) + " is in use",
                                   "remove or rename container " + other->substr(0, 12),
                                   base::exit_code::kFailure);
        }
        remove_container(store, former, true, volumes);
    } catch (const base::NotFoundError&) {  // somebody has removed it by hand
    } catch (const base::Error& error) {
        if (try_find_id(store, former)) {
            remove_owned(store, std::move(*owned), record, true);
            throw;
        }
        base::log::warning(error.message());  // about its volumes: it is gone
    }
    const json::Value renamed = containers.rename(*owned, record, name);
    tell_container(store, successor, renamed, "rename",
                   {{"oldName", "/" + record.string_or("name")}});
}

store::ContainerState observe_container(const store::Store& store, const std::string& id) {
    if (auto client = ControlClient::try_connect(store, id)) {
        try {
            return ask_state(*client, kLook);
        } catch (const base::Error& error) {  // gone, or suspended: then the disk knows
            base::log::debug(error.message());
        }
    }
    const base::UniqueFd dir = base::open_at(store.containers_fd(), id, O_PATH | O_DIRECTORY);
    return store::load_state(dir.get(), base::FileLock::is_held(dir.get(), "lock"));
}

std::optional<store::ContainerState> try_observe_container(const store::Store& store,
                                                           const std::string& id) {
    try {
        return observe_container(store, id);
    } catch (const base::SysError& error) {
        if (error.errnum() != ENOENT) throw;
        return std::nullopt;
    }
}

std::optional<std::vector<std::string>> try_listening_ports(const store::Store& store,
                                                            const std::string& id) {
    auto client = ControlClient::try_connect(store, id);
    if (!client) return std::nullopt;
    try {
        const Reply reply = client->call(json::Object{{"op", "listening"}});
        return reply.value["ports"].strings();
    } catch (const base::Error& error) {
        base::log::debug(error.message());
        return std::nullopt;
    }
}

bool wants_boot_start(const store::Store& store, const std::string& id) {
    const store::ContainerEntry entry = find(store, id);
    switch (record_restart_policy(entry.record).kind) {
        case RestartPolicy::Kind::always:
            return true;
        case RestartPolicy::Kind::unless_stopped:
            return !observe_container(store, entry.id).stopped_by_user;
        case RestartPolicy::Kind::on_failure: {
            // docker: one that failed, or was lost with the machine.
            const store::ContainerState state = observe_container(store, entry.id);
            return state.exit_code != 0 && !state.stopped_by_user;
        }
        case RestartPolicy::Kind::no:
            break;
    }
    return false;
}

}  // namespace sandbox::engine
