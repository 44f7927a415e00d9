#include "engine/exec/join.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "child/join.hpp"
#include "engine/exec/join_plan.hpp"
#include "engine/exec/join_words.hpp"
#include "engine/handshake.hpp"
#include "engine/pause_request.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::engine {
namespace {

using child::MessageKind;
using Clock = std::chrono::steady_clock;

constexpr int kEngine = base::exit_code::kEngine;

// False: nothing came in time.
bool wait_readable(int fd, std::optional<Clock::time_point> deadline) {
    for (;;) {
        int wait_ms = -1;
        if (deadline) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - Clock::now());
            wait_ms = static_cast<int>(std::max<std::int64_t>(left.count() + 1, 0));
        }
        pollfd wait{fd, POLLIN, 0};
        const int rc = ::poll(&wait, 1, wait_ms);
        if (rc > 0) return true;
        if (rc == 0) return false;
        if (errno != EINTR) throw base::SysError(errno, "wait for the container");
    }
}

[[noreturn]] void throw_died(kernel::ChildProcess& process) {
    const kernel::ExitStatus status = process.wait();
    throw base::Error("the program's process died while it was being set up" +
                          (status.signal != 0 ? " (signal " + std::to_string(status.signal) + ")"
                                              : std::string()),
                      "the container may have ended", kEngine);
}

// What the stage said, when it could not execute the program.
std::optional<child::Message> try_failure(int handshake_fd, bool wait_for_end) {
    for (;;) {
        if (!wait_for_end && !has_news(handshake_fd)) return std::nullopt;
        const HandshakePacket packet = receive_packet(handshake_fd);
        if (packet.end) return std::nullopt;
        if (packet.message.kind == MessageKind::failure) return packet.message;
    }
}

child::Plan payload_of(const ExecSpec& spec) {
    child::Plan plan;
    if (spec.user) {
        plan.uid = spec.user->uid.value;
        plan.gid = spec.user->gid.value;
    }
    return plan;
}

}  // namespace

RunningExec start_exec(const NamespaceFds& namespaces, const ExecSpec& spec,
                       const ExecContext& context) {
    if (!namespaces.complete()) {
        throw base::Error("the container's namespaces are not known", {}, kEngine);
    }
    ExecPlan prepared(namespaces, spec, context);
    SocketPair handshake = make_handshake();
    SocketPair control = make_control();
    child::Plan& plan = prepared.plan().payload;
    plan.handshake_fd = handshake.theirs.get();
    plan.parent_handshake_fd = handshake.ours.get();
    plan.control_fd = control.theirs.get();
    plan.parent_control_fd = control.ours.get();

    RunningExec running;
    running.process = kernel::ChildProcess::clone(0);
    if (running.process.is_child()) child::join_main(prepared.plan());
    handshake.theirs.reset();
    control.theirs.reset();
    const auto deadline = Clock::now() + context.patience;
    for (;;) {
        if (!wait_readable(handshake.ours.get(), deadline)) {
            throw base::Error("the container did not let us in within " +
                                  std::to_string(context.patience.count()) + " s",
                              "is it stopped or out of memory?", kEngine);
        }
        HandshakePacket packet = receive_packet(handshake.ours.get());
        if (packet.end) throw_died(running.process);
        switch (packet.message.kind) {
            case MessageKind::accounts:
                prepared.answer_accounts();
                send_go(handshake.ours.get(), MessageKind::identity);
                break;
            case MessageKind::pty:
                running.pty_master = std::move(packet.fds[0]);
                break;
            case MessageKind::listener:
                context.on_listener(std::move(packet.fds[0]), prepared.user());
                break;
            case MessageKind::failure:
                throw make_exec_error(packet.message, spec, plan);
            case MessageKind::ready:
                running.control = std::move(control.ours);
                running.handshake = std::move(handshake.ours);
                return running;
            default:
                break;
        }
    }
}

void request_kill(const RunningExec& running) noexcept {
    siginfo_t info{};
    info.si_signo = kPauseSignal;
    info.si_code = SI_QUEUE;
    info.si_value.sival_ptr = reinterpret_cast<void*>(kKillValue);
    running.process.signal(kPauseSignal, info);
}

void wait_executed(RunningExec& running, const ExecSpec& spec) {
    const auto failure = try_failure(running.handshake.get(), true);
    if (failure) throw make_exec_error(*failure, spec, payload_of(spec));
}

kernel::ExitStatus finish_exec(RunningExec& running, const ExecSpec& spec) {
    const kernel::ExitStatus own = running.process.wait();
    // The program's end of the socket is gone with it: whatever it said is there.
    const auto failure = try_failure(running.handshake.get(), false);
    if (failure) throw make_exec_error(*failure, spec, payload_of(spec));
    if (const auto report = try_read_exit(running.control.get())) {
        return kernel::ExitStatus{report->code, report->signal};
    }
    return own;
}

}  // namespace sandbox::engine
