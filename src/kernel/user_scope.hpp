// A scope of the user's systemd: a cgroup subtree of our own, asked for over D-Bus. Only as much of
// D-Bus is spoken here as one method call needs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::kernel {

// Moves this process into a new scope and answers the scope's path, as /proc/self/cgroup has it.
// Throws Error: no systemd of the user's, or it refuses. Waits at most 5 seconds.
[[nodiscard]] std::string enter_user_scope(const std::string& name);

// The sockets to try, best first: systemd's own, which needs no bus, then the user's bus.
struct SystemdSocket {
    std::string path;
    bool is_bus = false;
};
[[nodiscard]] std::vector<SystemdSocket> systemd_sockets();
// "unix:path=/run/user/1000/bus,guid=…" → "/run/user/1000/bus"; "" for what is no path.
[[nodiscard]] std::string socket_of_address(std::string_view address);

// D-Bus messages, little-endian (D-Bus specification, "Message Protocol").
[[nodiscard]] std::string hello_message(std::uint32_t serial);
[[nodiscard]] std::string start_scope_message(std::uint32_t serial, const std::string& name,
                                              pid_t pid);
struct BusReply {
    bool is_error = false;
    std::uint32_t reply_to = 0;
    std::string error;  // "org.freedesktop.…: text"
};
// The length of the message that begins with these 16 bytes. Throws IntegrityError when absurd.
[[nodiscard]] std::size_t message_bytes(std::string_view head);
[[nodiscard]] BusReply parse_reply(std::string_view message);

}  // namespace sandbox::kernel
