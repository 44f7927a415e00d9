#include "engine/supervisor/listening.hpp"

#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include "engine/control/packet.hpp"
#include "engine/supervisor/live_container.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/kernel/sock_diag.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

// In the child: the user namespace first, which gives the right to enter the other one.
[[noreturn]] void make_inside(const NamespaceFds& namespaces, int answer_fd) noexcept {
    const auto enter = [](int fd, int kind) { return ::setns(fd, kind) == 0; };
    if (enter(namespaces.user.get(), CLONE_NEWUSER) &&
        enter(namespaces.network.get(), CLONE_NEWNET)) {
        try {
            const base::UniqueFd diagnostics = kernel::open_sock_diag();
            const int fd = diagnostics.get();
            (void)control::send_packet(answer_fd, json::Object{}, {&fd, 1});
        } catch (...) {  // the parent sees that nothing came
        }
    }
    base::raw::exit_group(0);
}

}  // namespace

base::UniqueFd open_sock_diag_inside(const NamespaceFds& namespaces, bool host_network) {
    if (host_network) return kernel::open_sock_diag();
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        throw base::SysError(errno, "make a socket pair");
    }
    const base::UniqueFd ours(ends[0]);
    base::UniqueFd theirs(ends[1]);
    kernel::ChildProcess child = kernel::ChildProcess::clone(0);
    if (child.is_child()) make_inside(namespaces, theirs.get());
    theirs.reset();
    control::Packet packet;
    const control::Received received = control::receive_packet(ours.get(), packet);
    (void)child.wait();
    if (received != control::Received::packet || packet.fds.size() != 1) {
        throw base::Error("the container's sockets cannot be seen");
    }
    return std::move(packet.fds[0]);
}

void add_listening_operation(LiveContainer& container) {
    // Made when first asked for, and anew for each life of the container.
    const auto diagnostics = std::make_shared<base::UniqueFd>();
    container.on_change([diagnostics] { diagnostics->reset(); });
    container.server().on("listening", [&container, diagnostics](ControlCall call) {
        LaunchedContainer* const launched = container.launched();
        if (launched == nullptr) throw base::Error("the container does not run");
        const bool host = container.spec()->network == NetworkMode::host;
        if (!*diagnostics) *diagnostics = open_sock_diag_inside(launched->namespaces, host);
        std::set<std::string> ports;
        for (const kernel::ListeningPort& each : kernel::listening_ports(diagnostics->get())) {
            if (each.loopback_only && !host) continue;
            const bool tcp = each.protocol == kernel::ListeningPort::Protocol::tcp;
            ports.insert(std::to_string(each.port) + (tcp ? "/tcp" : "/udp"));
        }
        json::Array list;
        for (const std::string& port : ports) list.emplace_back(port);
        call.reply(json::Object{{"ports", std::move(list)}});
    });
}

}  // namespace sandbox::engine
