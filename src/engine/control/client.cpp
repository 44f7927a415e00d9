#include "engine/control/client.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "engine/control/packet.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
namespace json = base::json;
using std::chrono::milliseconds;

[[noreturn]] void throw_answer(const json::Value& answer) {
    throw base::Error(answer.string_or("error"), answer.string_or("hint"),
                      static_cast<int>(answer["code"].try_i64().value_or(0)));
}

bool wait_readable(int fd, milliseconds time) {
    pollfd wait{fd, POLLIN, 0};
    const int rc = ::poll(&wait, 1, static_cast<int>(time.count()));
    if (rc < 0 && errno == EINTR) {
        throw base::Error("interrupted while waiting for the container's supervisor", {},
                          base::exit_code::kSignalBase + SIGINT);
    }
    return rc > 0;
}

void wait_patiently(int fd, milliseconds patience) {
    constexpr milliseconds kSayAfter{1000};
    if (wait_readable(fd, std::min(patience, kSayAfter))) return;
    if (patience > kSayAfter) {
        base::log::notice("waiting for the container's supervisor");
        if (wait_readable(fd, patience - kSayAfter)) return;
    }
    throw base::Error("the container's supervisor does not answer",
                      "is it suspended? `sandbox rm -f` ends it all the same");
}

}  // namespace

std::optional<ControlClient> ControlClient::try_connect(const store::Store& store,
                                                        const std::string& id) {
    const auto dir =
        base::try_open_at(store.containers_fd(), id, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!dir) return std::nullopt;
    return try_connect(dir->get());
}

std::optional<ControlClient> ControlClient::try_connect(int container_dir_fd) {
    base::UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) throw base::SysError(errno, "make a socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = control::address_path(container_dir_fd);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    int rc = 0;
    do {
        rc = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    } while (rc != 0 && errno == EINTR);
    // A supervisor that was killed leaves its socket behind: nobody listens there.
    if (rc != 0 && (errno == ENOENT || errno == ECONNREFUSED)) return std::nullopt;
    if (rc != 0) throw base::SysError(errno, "reach the container's supervisor");
    control::set_buffer_size(socket.get());
    return ControlClient(std::move(socket));
}

Reply ControlClient::call(const json::Value& request, std::span<const int> fds,
                          std::optional<milliseconds> patience) {
    if (!control::send_packet(socket_.get(), request, fds)) throw SupervisorGone();
    if (patience) wait_patiently(socket_.get(), *patience);
    control::Packet packet;
    if (control::receive_packet(socket_.get(), packet) != control::Received::packet) {
        throw SupervisorGone();
    }
    const json::Object* object = packet.value.as_object();
    if (object != nullptr && object->find("error") != nullptr) throw_answer(packet.value);
    return {std::move(packet.value), std::move(packet.fds)};
}

pid_t ControlClient::supervisor_pid() const {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return 0;
    return peer.pid;
}

std::optional<base::UniqueFd> ControlClient::try_supervisor_pidfd() const {
    const pid_t pid = supervisor_pid();
    if (pid <= 0) return std::nullopt;
    const int fd = raw::pidfd_open(pid, 0);
    if (fd < 0) return std::nullopt;
    base::UniqueFd owner(fd);
    // The connection still stands: so the listener lives, and the number was its when we asked.
    pollfd look{socket_.get(), 0, 0};
    if (::poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLERR)) != 0) return std::nullopt;
    return owner;
}

}  // namespace sandbox::engine
