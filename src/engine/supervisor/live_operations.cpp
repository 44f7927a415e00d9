// What other commands ask of a container on its control socket; its life is in live_container.cpp.
#include <array>
#include <csignal>
#include <utility>

#include "engine/container_record.hpp"
#include "engine/flags/option_flags.hpp"
#include "engine/pause_request.hpp"
#include "engine/signal_names.hpp"
#include "engine/supervisor/limit_operations.hpp"
#include "engine/supervisor/listening.hpp"
#include "engine/supervisor/live_container.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

std::optional<int> signal_at(const json::Value& request) {
    const std::string text = request.string_or("signal");
    if (text.empty()) return std::nullopt;
    if (const auto number = try_parse_signal(text)) return *number;
    throw base::Error("invalid signal: " + text);
}

// To our init. A dead one is fine.
void request_pause(const kernel::ChildProcess& init, bool pause) noexcept {
    siginfo_t info{};
    info.si_signo = kPauseSignal;
    info.si_code = SI_QUEUE;
    info.si_value.sival_ptr = reinterpret_cast<void*>(pause ? kPauseValue : kResumeValue);
    init.signal(kPauseSignal, info);
}

}  // namespace

void LiveContainer::add_operations() {
    server_.on("state", [this](ControlCall call) {
        if (call.request()["wanted"].is_true()) tell_wanted();
        call.reply(json::Object{{"state", store::state_to_json(state_)}, {"name", shown_name()}});
    });
    server_.on("kill", [this](ControlCall call) { op_kill(std::move(call)); });
    server_.on("stop", [this](ControlCall call) { op_stop(std::move(call)); });
    server_.on("restart", [this](ControlCall call) { op_restart(std::move(call)); });
    server_.on("wait", [this](ControlCall call) { op_wait(std::move(call)); });
    server_.on("pause", [this](ControlCall call) { op_pause(std::move(call), true); });
    server_.on("unpause", [this](ControlCall call) { op_pause(std::move(call), false); });
    add_limit_operations(*this);
    server_.on("rename", [this](ControlCall call) { op_rename(std::move(call)); });
    add_listening_operation(*this);
    server_.on("identity", [this](ControlCall call) {
        require_running("join");
        if (!launched_->identity || call.fds().empty()) {
            throw base::Error("identities are not emulated there");
        }
        launched_->identity->add_listener(call.fds().front().get(),
                                          credentials_from_request(call.request()));
        call.reply();
    });
    server_.on("files", [this](ControlCall call) {
        require_running("reach the files of");
        const std::array<int, 2> fds{launched_->namespaces.user.get(),
                                     launched_->namespaces.mount.get()};
        call.reply(json::Object{}, fds);
    });
}

std::optional<ExecSource> LiveContainer::exec_source() const {
    if (launched_ == nullptr) return std::nullopt;
    ExecSource source;
    source.spec = spec_;
    source.namespaces = &launched_->namespaces;
    source.paused = state_.status == Status::paused;
    source.cgroup_procs = open_cgroup_procs();
    return source;
}

void LiveContainer::require_running(std::string_view what) const {
    if (launched_ != nullptr) return;
    throw base::Error("cannot " + std::string(what) + " container " + base::quote(shown_name()) +
                      ": it is " +
                      (state_.status == Status::restarting ? "restarting" : "not running"));
}

void LiveContainer::op_kill(ControlCall call) {
    const int signal = signal_at(call.request()).value_or(SIGKILL);
    if (call.request()["removing"].is_true()) {
        removals_.push_back(std::move(call));
        restart_asked_ = false;
        tell_wanted();
        if (restart_timer_) return stop(0, SIGKILL, true);
        return kill(SIGKILL);
    }
    if (signal == SIGKILL && restart_timer_) {
        waits_.push_back(std::move(call));
        stop(0, SIGKILL, true);
        return;
    }
    require_running("kill");
    kill(signal);
    if (signal == SIGKILL) {
        waits_.push_back(std::move(call));  // answered when it is gone
    } else {
        call.reply();
    }
}

void LiveContainer::op_stop(ControlCall call) {
    const auto timeout = call.request()["timeout"].try_i64();
    const auto signal = signal_at(call.request());
    if (is_over()) {
        state_.stopped_by_user = true;
        save_state();
        call.reply(end_answer(Next::end));
        return;
    }
    waits_.push_back(std::move(call));
    restart_asked_ = false;
    stop(timeout, signal, true);
}

void LiveContainer::op_restart(ControlCall call) {
    const auto timeout = call.request()["timeout"].try_i64();
    const auto signal = signal_at(call.request());
    restarts_.push_back(std::move(call));
    tell_wanted();
    // Its next life wants the mounts of this one to be gone.
    if (launched_ != nullptr) launched_->ends_late = false;
    // A foreground run ends with its payload, whoever asked: then the caller starts it anew.
    restart_asked_ = !foreground_;
    if (restart_timer_) {  // it waits to be started anyway
        const auto start = std::exchange(start_again_, nullptr);
        loop_.remove(*std::exchange(restart_timer_, std::nullopt));
        restart_asked_ = false;
        backoff_.reset();
        if (start) start();
        return;
    }
    stop(timeout, signal, false);
}

void LiveContainer::op_wait(ControlCall call) {
    const bool next = call.request().string_or("condition") == "next-exit";
    if (!next && is_over()) {
        if (!record_keeps(record_)) tell_wanted();
        call.reply(end_answer(Next::end));
        return;
    }
    (next ? next_exit_waits_ : waits_).push_back(std::move(call));
}

void LiveContainer::set_frozen(bool frozen) {
    if (freezer_) {
        freezer_(frozen);
    } else {
        request_pause(launched_->init, frozen);
    }
    state_.status = frozen ? Status::paused : Status::running;
    save_state();
    notify();
}

void LiveContainer::op_pause(ControlCall call, bool pause) {
    require_running(pause ? "pause" : "unpause");
    if (pause == (state_.status == Status::paused)) {
        throw base::Error("container " + base::quote(shown_name()) +
                          (pause ? " is already paused" : " is not paused"));
    }
    set_frozen(pause);
    tell(pause ? "pause" : "unpause");
    call.reply();
}

void LiveContainer::op_rename(ControlCall call) {
    const std::string name = check_container_name(call.request().string_or("name"));
    const std::string former = shown_name();
    record_ = store::ContainerStore(store_).rename(container_, record_, name);
    tell("rename", {{"oldName", "/" + former}});
    if (renamed_) renamed_(name);
    call.reply();
}

}  // namespace sandbox::engine
