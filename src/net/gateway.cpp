#include "sandbox/net/gateway.hpp"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <optional>
#include <utility>

#include "net/confine.hpp"
#include "net/helper.hpp"
#include "net/network_state.hpp"
#include "net/socket_maker.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::net {
namespace {

namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;

// A helper that dies at once again is not started without a pause.
constexpr std::chrono::milliseconds kRestartPause{500};
constexpr size_t kMostResolvConf = 64 * 1024;

struct Pair {
    UniqueFd ours, theirs;
};
Pair make_pair_of_sockets() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw SysError(errno, "make a socket pair");
    }
    // unix(7): a message must fit into the sender's buffer, and all names of a network are one.
    constexpr int kBufferBytes = 1 << 20;
    (void)::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &kBufferBytes, sizeof kBufferBytes);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A terminal's signals are for the container. Helpers end with their sockets.
void block_signals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    (void)::sigprocmask(SIG_BLOCK, &all, nullptr);  // cannot fail
}

}  // namespace

struct Gateway::Impl {
    struct Port {
        Transport transport;
        UniqueFd socket;
        Endpoint target;
    };
    Impl(const ProjectNetwork& its_network, base::PollLoop& its_loop)
        : network(its_network.impl()), loop(its_loop) {}
    ~Impl() { stop(); }

    void arm();
    void disarm();
    void watch(int fd);
    void wake();
    void start();
    void start_maker_when_needed();
    void stop();
    void tell_all();
    void tell_port(std::uint32_t id, const Port& port);
    void tell_servers();
    void say(std::string_view text, const std::vector<int>& fds = {});
    void on_control();
    void rest();
    [[nodiscard]] bool is_running() const noexcept { return control.valid(); }

    const ProjectNetwork::Impl& network;
    base::PollLoop& loop;
    // Without a helper: what would be its work, watched so that it is started by it.
    std::vector<base::PollLoop::Token> watched;
    std::optional<base::PollLoop::Token> pause_token;
    kernel::ChildProcess maker;
    kernel::ChildProcess helper;
    UniqueFd control;
    UniqueFd maker_end;  // of the helper's line to the maker, until there is one
    std::optional<base::PollLoop::Token> control_token;
    std::map<std::uint32_t, Port> ports;
    std::uint32_t next_id = 1;
    std::string resolv_conf = "/etc/resolv.conf";
};

void Gateway::Impl::watch(int fd) {
    watched.push_back(loop.add_fd(fd, EPOLLIN, [this](std::uint32_t) { wake(); }));
}

void Gateway::Impl::arm() {
    if (!watched.empty() || is_running() || pause_token) return;
    for (const FamilySockets* family : {&network.sockets.v4, &network.sockets.v6}) {
        if (!family->exists()) continue;
        // The listener, too: a connection that was let in for a helper that has died.
        for (const UniqueFd* fd :
             {&family->capture, &family->udp, &family->dns_udp, &family->dns_tcp, &family->tcp}) {
            watch(fd->get());
        }
    }
    for (const auto& [id, port] : ports) watch(port.socket.get());
}

void Gateway::Impl::disarm() {
    for (const base::PollLoop::Token token : std::exchange(watched, {})) loop.remove(token);
}

void Gateway::Impl::wake() {
    disarm();
    try {
        start();
    } catch (const base::Error& error) {
        base::log::warning(error.message());
        rest();
    }
}

void Gateway::Impl::start() {
    Pair control_pair = make_pair_of_sockets();
    Pair maker_pair = make_pair_of_sockets();
    helper = kernel::ChildProcess::clone(0);
    if (helper.is_child()) {
        block_signals();
        run_helper({&network.sockets, control_pair.theirs.get(), maker_pair.ours.get()});
    }
    control_pair.theirs.reset();
    maker_end = std::move(maker_pair.theirs);
    const Message first = receive_message(control_pair.ours.get());
    if (first.tag() != control::kReady) {
        throw base::Error("the network helper cannot start: " + std::string(first.body()),
                          "run sandbox doctor");
    }
    control = std::move(control_pair.ours);
    control_token = loop.add_fd(control.get(), EPOLLIN, [this](std::uint32_t) { on_control(); });
    start_maker_when_needed();
    tell_all();
}

// It has a right that the helper has not, so it lives only while ports need it.
void Gateway::Impl::start_maker_when_needed() {
    const bool needed = std::any_of(ports.begin(), ports.end(), [](const auto& port) {
        return port.second.transport == Transport::tcp;
    });
    if (!needed || !maker_end) return;
    maker = kernel::ChildProcess::clone(0);
    if (maker.is_child()) {
        block_signals();
        try {
            const UniqueFd netns(raw::fcntl(network.netns.get(), F_DUPFD_CLOEXEC, 3));
            keep_descriptors({maker_end.get(), netns.get()});
            enter_namespace(netns.get());
            (void)raw::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>("sandbox-make"));
            run_socket_maker(std::move(maker_end));
        } catch (const std::exception&) {
            raw::exit_group(1);  // the helper sees the end of the socket and tells
        }
    }
    maker_end.reset();
}

void Gateway::Impl::stop() {
    disarm();
    if (pause_token) loop.remove(*std::exchange(pause_token, std::nullopt));
    if (control_token) loop.remove(*std::exchange(control_token, std::nullopt));
    control.reset();
    helper = kernel::ChildProcess();  // killed and reaped
    maker = kernel::ChildProcess();
    maker_end.reset();
}

void Gateway::Impl::say(std::string_view text, const std::vector<int>& fds) {
    if (!is_running()) return;  // whoever starts is told everything
    try {
        send_message(control.get(), text, fds);
    } catch (const SysError& error) {
        if (error.errnum() != EPIPE && error.errnum() != ECONNRESET) throw;
    }
}

void Gateway::Impl::tell_all() {
    say(control::kWorld + encode_world(network.world()));
    tell_servers();
    for (const auto& [id, port] : ports) tell_port(id, port);
}

void Gateway::Impl::tell_servers() {
    const auto text = base::try_read_file_at(AT_FDCWD, resolv_conf, kMostResolvConf);
    say(control::kServers + text.value_or(""));
}

void Gateway::Impl::tell_port(std::uint32_t id, const Port& port) {
    const char tag = port.transport == Transport::tcp ? control::kTcpPort : control::kUdpPort;
    say(tag + std::to_string(id) + " " + port.target.address.str() + " " +
            std::to_string(port.target.port),
        {port.socket.get()});
}

void Gateway::Impl::on_control() {
    const Message message = receive_message(control.get());
    if (message.tag() == control::kAskServers) return tell_servers();
    if (!message.text.empty() && message.tag() == 'f') {
        base::log::warning("the network helper failed: " + std::string(message.body()));
        return;  // the end of the socket follows
    }
    if (!message.text.empty()) return;
    base::log::warning("the network helper died: its connections are broken");
    rest();
}

// Nobody is served for a moment; then the next packet starts a new one.
void Gateway::Impl::rest() {
    stop();
    pause_token = loop.add_timer(kRestartPause, std::chrono::nanoseconds{0}, [this] {
        pause_token.reset();
        arm();
    });
}

Gateway::Gateway(const ProjectNetwork& network, base::PollLoop& loop)
    : impl_(std::make_unique<Impl>(network, loop)) {
    impl_->arm();
}

Gateway::~Gateway() = default;

std::uint32_t Gateway::publish(HostPort port, const IpAddress& target) {
    const std::uint32_t id = impl_->next_id++;
    Impl::Port entry{
        port.wish.transport, std::move(port.socket), {target, port.wish.container_port}};
    impl_->tell_port(id, entry);
    const Impl::Port& kept = impl_->ports.emplace(id, std::move(entry)).first->second;
    if (!impl_->watched.empty()) impl_->watch(kept.socket.get());
    impl_->start_maker_when_needed();
    return id;
}

void Gateway::unpublish(std::uint32_t id) {
    const bool armed = !impl_->watched.empty();
    impl_->disarm();
    impl_->ports.erase(id);
    impl_->say(control::kRemovePort + std::to_string(id));
    if (armed) impl_->arm();
}

void Gateway::update() {
    impl_->say(control::kWorld + encode_world(impl_->network.world()));
}

void Gateway::set_resolv_conf(std::string path) {
    impl_->resolv_conf = std::move(path);
    impl_->tell_servers();
}

int Gateway::helper_pid() const noexcept {
    return impl_->is_running() ? impl_->helper.pid() : 0;
}

}  // namespace sandbox::net
