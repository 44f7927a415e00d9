#include "engine/supervisor/spawn.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string>

#include "engine/control/packet.hpp"
#include "engine/signal_names.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/own_program.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
namespace json = base::json;

constexpr int kLockFd = 3;
constexpr int kReportFd = 4;
constexpr int kFirstFree = 5;

struct Pair {
    base::UniqueFd ours, theirs;
};

Pair make_report_socket() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) != 0) {
        throw base::SysError(errno, "make a socket pair");
    }
    return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

// A copy of a descriptor at 3 or above its final place, so that none of the moves covers another.
int lift(int fd) {
    return raw::fcntl(fd, F_DUPFD_CLOEXEC, kFirstFree);
}

// After the fork, in a process with one thread: plain calls, no return.
[[noreturn]] void become_supervisor(const std::string& root, const std::string& id,
                                    const char* streams, int lock_fd, int report_fd) noexcept {
    const int lock = lift(lock_fd);
    const int report = lift(report_fd);
    const int null = raw::openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
    const int self = raw::openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (lock < 0 || report < 0 || null < 0 || self < 0) raw::exit_group(125);
    const int program = lift(self);
    // Nothing of the caller's may be held open by what lives longer than he does. His stderr hears
    // warnings until the payload runs.
    if (raw::dup3(null, 0, 0) < 0 || raw::dup3(null, 1, 0) < 0 || raw::dup3(lock, kLockFd, 0) < 0 ||
        raw::dup3(report, kReportFd, 0) < 0) {
        raw::exit_group(125);
    }
    (void)raw::close_range(kFirstFree, ~0u, CLOSE_RANGE_CLOEXEC);
    const std::array<const char*, 6> words{"sandbox",  "__supervise", root.c_str(),
                                           id.c_str(), streams,       nullptr};
    kernel::become_own_program(program, words.data(), base::exit_code::kEngine);
}

kernel::ChildProcess spawn(const store::Store& store, const store::OwnedContainer& container,
                           int report_fd, const FirstStreams* streams) {
    const char* const wish = streams == nullptr ? "none" : streams->in ? "inout" : "out";
    kernel::ChildProcess child = kernel::ChildProcess::clone(0);
    if (child.is_child()) {
        become_supervisor(store.root(), container.id, wish, container.lock.fd(), report_fd);
    }
    return child;
}

// The signal that came first, if one came before the report.
std::optional<int> wait_for_report(int report_fd, SignalGate& gate) {
    std::optional<int> interrupted;
    gate.serve([&](const signalfd_siginfo& info) {
        const int number = static_cast<int>(info.ssi_signo);
        if (number != SIGINT && number != SIGTERM && number != SIGHUP && number != SIGQUIT) return;
        interrupted = number;
        gate.loop().stop();
    });
    const auto token = gate.loop().add_fd(report_fd, EPOLLIN | EPOLLHUP,
                                          [&](std::uint32_t) { gate.loop().stop(); });
    gate.loop().run();
    gate.loop().remove(token);
    return interrupted;
}

}  // namespace

void start_supervisor(const store::Store& store, store::OwnedContainer& container, SignalGate& gate,
                      FirstStreams* streams) {
    const store::ContainerState former = store::load_state(container.dir.get(), false);
    Pair report = make_report_socket();
    kernel::ChildProcess child = spawn(store, container, report.theirs.get(), streams);
    report.theirs.reset();
    const std::optional<int> interrupted = wait_for_report(report.ours.get(), gate);
    control::Packet packet;
    if (interrupted) {
        // Its death takes pid 1 along, and that all the others: pid_namespaces(7), prctl(2).
        child.signal(SIGKILL);
        (void)child.wait();
        if (base::exists_at(container.dir.get(), "state.json")) {
            store::save_state(container.dir.get(), former);
        }
        throw base::Error("interrupted while the container was being started", {},
                          base::exit_code::kSignalBase + *interrupted);
    }
    if (control::receive_packet(report.ours.get(), packet) != control::Received::packet) {
        (void)child.wait();
        throw base::Error("the supervisor died before it could start the container",
                          "out of memory?", base::exit_code::kEngine);
    }
    const json::Object* object = packet.value.as_object();
    if (object != nullptr && object->find("error") != nullptr) {
        (void)child.wait();
        throw base::Error(packet.value.string_or("error"), packet.value.string_or("hint"),
                          static_cast<int>(packet.value["code"].try_i64().value_or(125)));
    }
    child.release();
    if (streams == nullptr || packet.fds.empty()) return;
    streams->stream = std::move(packet.fds.front());
    streams->tty = packet.value["tty"].is_true();
}

void hand_over_to_supervisor(const store::Store& store, const store::OwnedContainer& container) {
    const Pair report = make_report_socket();
    spawn(store, container, report.theirs.get(), nullptr).release();
}

}  // namespace sandbox::engine
