#include "engine/network/joined_network.hpp"

#include <sched.h>

#include <cerrno>
#include <csignal>

#include "engine/control/client.hpp"
#include "engine/exec/exec_base.hpp"
#include "engine/flags/option_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

constexpr int kEngine = base::exit_code::kEngine;

// In the process in between. Answers 0 in the child, which is nobody's here.
long go_and_clone(const JoinedNetwork& joined, std::uint64_t namespace_flags) noexcept {
    const std::uint64_t flags = namespace_flags | CLONE_PARENT;
    long rc = raw::call(SYS_setns, joined.user.get(), CLONE_NEWUSER);
    if (rc == 0) rc = raw::call(SYS_setns, joined.network.get(), CLONE_NEWNET);
    // clone(2): with CLONE_PARENT the signal at its end is that of the process in between.
    if (rc == 0) rc = raw::call(SYS_clone, static_cast<long>(flags), 0, 0, 0, 0);
    return rc;
}

}  // namespace

JoinedNetwork open_joined_network(const store::Store& store, ContainerSpec& spec) {
    const std::string& name = spec.joined_container;
    const store::ContainerEntry entry = base::with_context(
        "--network container:" + name, [&] { return store::ContainerStore(store).find(name); });
    auto client = ControlClient::try_connect(store, entry.id);
    if (!client) {
        throw base::Error(
            "container " + base::quote(name) + ", whose network is to be joined, does not run",
            "sandbox start " + name, kEngine);
    }
    ExecBase other = fetch_exec_base(*client);
    if (other.spec.ids.uids != spec.ids.uids || other.spec.ids.gids != spec.ids.gids) {
        throw base::Error("container " + base::quote(name) +
                              ", whose network is to be joined, has other user ids",
                          "make both with the same --user or --identity", kEngine);
    }
    const store::NetworkFacts facts = observe_container(store, entry.id).network;
    if (!facts.networks.empty()) {
        const store::NetworkPlace& first = facts.networks.front();
        if (spec.dns_from_gateway) spec.dns_servers = {first.gateway};
        for (auto& [host, address] : spec.hosts) {
            if (host == spec.hostname && address == "127.0.0.1") address = first.ipv4;
            if (address == kHostGateway) address = first.gateway;
        }
    }
    return {std::move(other.namespaces.user), std::move(other.namespaces.network)};
}

kernel::ChildProcess clone_joined(const JoinedNetwork& joined, std::uint64_t namespace_flags) {
    base::Pipe pipe = base::make_pipe();
    kernel::ChildProcess between = kernel::ChildProcess::clone(0);
    if (between.is_child()) {
        const long made = go_and_clone(joined, namespace_flags);
        if (made == 0) {
            pipe.read_end.reset();
            pipe.write_end.reset();
            return kernel::ChildProcess::in_child();
        }
        (void)raw::write(pipe.write_end.get(), &made, sizeof made);
        raw::exit_group(0);
    }
    pipe.write_end.reset();
    long pid = 0;
    long got = 0;
    do {
        got = raw::read(pipe.read_end.get(), &pid, sizeof pid);
    } while (got == -EINTR);
    (void)between.wait();
    if (got != sizeof pid) throw base::Error("the process in between died", "out of memory?");
    if (pid < 0) {
        throw base::SysError(static_cast<int>(-pid), "make a container in another one's network");
    }
    // It is not waited for yet, so the number is its own.
    const long fd = raw::call(SYS_pidfd_open, pid, 0);
    if (fd < 0) throw base::SysError(static_cast<int>(-fd), "open a process");
    return {static_cast<pid_t>(pid), base::UniqueFd(static_cast<int>(fd))};
}

}  // namespace sandbox::engine
