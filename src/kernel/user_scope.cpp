#include "kernel/user_scope.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "kernel/bus_message.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/base/xdg.hpp"
#include "sandbox/kernel/cgroup.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{5};

// A conversation with an end: whoever is at the other side may be slow or silent.
class Talk {
  public:
    explicit Talk(const std::string& path) : deadline_(Clock::now() + kPatience) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path.size() >= sizeof address.sun_path) throw base::Error("socket path too long");
        std::memcpy(address.sun_path, path.data(), path.size());
        fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd_) throw base::SysError(errno, "make a socket");
        if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0) {
            throw base::SysError(errno, "reach systemd at", base::quote(path));
        }
    }
    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t rc = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (rc >= 0) {
                bytes.remove_prefix(static_cast<size_t>(rc));
            } else if (errno == EAGAIN) {
                wait_for(POLLOUT);
            } else if (errno != EINTR) {
                throw base::SysError(errno, "write to systemd");
            }
        }
    }
    std::string receive(size_t count) {
        std::string bytes;
        while (bytes.size() < count) bytes += receive_some(count - bytes.size());
        return bytes;
    }
    std::string receive_line() {
        constexpr size_t kMaxLine = 1024;
        std::string line;
        while (!line.ends_with("\r\n") && line.size() < kMaxLine) line += receive_some(1);
        return line;
    }

  private:
    std::string receive_some(size_t most) {
        std::string bytes(most, '\0');
        for (;;) {
            const ssize_t rc = ::recv(fd_.get(), bytes.data(), most, 0);
            if (rc > 0) {
                bytes.resize(static_cast<size_t>(rc));
                return bytes;
            }
            if (rc == 0) throw base::Error("systemd has hung up");
            if (errno == EAGAIN) {
                wait_for(POLLIN);
            } else if (errno != EINTR) {
                throw base::SysError(errno, "read from systemd");
            }
        }
    }
    void wait_for(short events) const {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
        pollfd one{fd_.get(), events, 0};
        if (left.count() <= 0 || ::poll(&one, 1, static_cast<int>(left.count())) == 0) {
            throw base::Error("systemd does not answer");
        }
    }

    base::UniqueFd fd_;
    Clock::time_point deadline_;
};

void log_in(Talk& talk) {
    const std::string uid = std::to_string(::getuid());
    talk.send(std::string(1, '\0') + "AUTH EXTERNAL " + base::to_hex(uid.data(), uid.size()) +
              "\r\n");
    if (const std::string answer = talk.receive_line(); !answer.starts_with("OK")) {
        throw base::Error("systemd refuses this account: " +
                          base::quote(std::string(base::trim(answer))));
    }
    talk.send("BEGIN\r\n");
}

// Sends a call and waits for its answer; what else comes is not for us.
void call(Talk& talk, std::uint32_t serial, const std::string& message) {
    talk.send(message);
    for (;;) {
        std::string text = talk.receive(kBusHeadBytes);
        text += talk.receive(message_bytes(text) - kBusHeadBytes);
        const BusReply reply = parse_reply(text);
        if (reply.reply_to != serial) continue;
        if (reply.is_error) throw base::Error("systemd answers " + base::quote(reply.error));
        return;
    }
}

std::string own_cgroup() {
    constexpr size_t kMaxBytes = 64u << 10;
    const base::UniqueFd fd = base::open_at(AT_FDCWD, "/proc/self/cgroup", O_RDONLY);
    return try_own_cgroup(base::read_fd(fd.get(), kMaxBytes)).value_or("");
}

// The answer comes when the job is queued; the move is what we can see for ourselves.
std::string wait_for_scope(const std::string& name) {
    constexpr useconds_t kStepUs = 500;
    const auto deadline = Clock::now() + kPatience;
    while (Clock::now() < deadline) {
        std::string own = own_cgroup();
        if (own.ends_with("/" + name)) return own;
        (void)::usleep(kStepUs);
    }
    throw base::Error("systemd has not moved this process into its scope");
}

void ask(const SystemdSocket& socket, const std::string& name) {
    Talk talk(socket.path);
    log_in(talk);
    std::uint32_t serial = 1;
    if (socket.is_bus) {
        call(talk, serial, hello_message(serial));
        ++serial;
    }
    call(talk, serial, start_scope_message(serial, name, raw::getpid()));
}

}  // namespace

std::string socket_of_address(std::string_view address) {
    for (const std::string& one : base::split(address, ';')) {
        if (!one.starts_with("unix:")) continue;
        for (const std::string& part : base::split(std::string_view(one).substr(5), ',')) {
            if (part.starts_with("path=")) return part.substr(5);
        }
    }
    return {};
}

std::vector<SystemdSocket> systemd_sockets() {
    std::vector<SystemdSocket> sockets;
    const auto add = [&](const std::string& path, bool is_bus) {
        if (!path.empty() && base::exists_at(AT_FDCWD, path)) sockets.push_back({path, is_bus});
    };
    // A login by su or cron has the first of these, and no variable that names it.
    const std::string usual = "/run/user/" + std::to_string(::getuid());
    const std::string runtime = base::try_env("XDG_RUNTIME_DIR").value_or(usual);
    add(runtime + "/systemd/private", false);
    if (const auto address = base::try_env("DBUS_SESSION_BUS_ADDRESS")) {
        add(socket_of_address(*address), true);
    }
    add(runtime + "/bus", true);
    if (runtime != usual) {
        add(usual + "/systemd/private", false);
        add(usual + "/bus", true);
    }
    return sockets;
}

std::string enter_user_scope(const std::string& name) {
    std::string why = "no systemd of this account is running";
    for (const SystemdSocket& socket : systemd_sockets()) {
        try {
            ask(socket, name);
            return wait_for_scope(name);
        } catch (const base::Error& error) {
            why = error.message();
        }
    }
    throw base::Error(why);
}

}  // namespace sandbox::kernel
