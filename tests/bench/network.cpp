// network [-H PORT]... [-p SPEC]... -- COMMAND...: runs a command in a network namespace of its own
// behind the gateway, with ports of the host's loopback open (-H, at 10.89.0.1) and ports published
// (-p, as docker writes them). Prints its own pid on stderr: the helpers are its children.
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string_view>

#include "net/namespace_entry.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/net/gateway.hpp"

using namespace sandbox;

namespace {

int run(char** words) {
    net::NetworkPlan plan;
    std::vector<net::PublishedPort> wishes;
    for (; *words != nullptr && std::string_view(*words) != "--"; words += 2) {
        if (words[1] == nullptr) return 2;
        if (std::string_view(*words) == "-H") {
            const auto port = base::try_parse_u64(words[1]).value_or(0);
            plan.host_ports.push_back(static_cast<std::uint16_t>(port));
        } else {
            for (auto& port : net::parse_published_port(words[1])) wishes.push_back(port);
        }
    }
    if (*words == nullptr || *++words == nullptr) return 2;
    auto ports = net::open_host_ports(wishes);
    base::PollLoop loop;
    net::ProjectNetwork network = net::ProjectNetwork::create(plan);
    net::Gateway gateway(network, loop);
    auto made = net::make_in_new_namespace([] {
        net::Descriptors fds;
        fds.push_back(net::open_own_netns());
        return fds;
    });
    net::AttachPlan joined;
    joined.netns_fd = made[0].get();
    joined.names = {"bench"};
    const net::Attachment attachment = network.attach(joined);
    for (auto& port : ports) gateway.publish(std::move(port), attachment.address_v4);
    gateway.update();
    (void)std::fprintf(stderr, "holder %d\n", ::getpid());
    kernel::ChildProcess child = kernel::ChildProcess::clone(0);
    if (child.is_child()) {
        net::enter_namespace(made[0].get());
        (void)base::raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)::execvp(words[0], words);
        base::raw::exit_group(127);
    }
    loop.add_fd(child.pid_fd(), EPOLLIN, [&loop](std::uint32_t) { loop.stop(); });
    loop.run();
    return child.wait().shell_code();
}

}  // namespace

int main(int, char** argv) {
    try {
        return run(argv + 1);
    } catch (const base::Error& error) {
        (void)std::fprintf(stderr, "network: %s\n", error.what());
        return 125;
    }
}
