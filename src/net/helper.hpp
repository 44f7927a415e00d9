// The network helper: one process per project network, one thread, without rights. It gets all it
// knows by its control socket, so that a killed one is replaced by a new one that is told the same.
#pragma once

#include "net/inside_sockets.hpp"
#include "net/name_table.hpp"
#include "net/reach.hpp"

namespace sandbox::net {

// Control messages: a tag, then text. To the helper:
namespace control {
inline constexpr char kWorld = 'w';       // encode_world()
inline constexpr char kServers = 's';     // text of resolv.conf(5)
inline constexpr char kTcpPort = 't';     // "ID ADDRESS PORT", with the listening socket
inline constexpr char kUdpPort = 'u';     // "ID ADDRESS PORT", with the bound socket
inline constexpr char kRemovePort = 'x';  // "ID"
// From the helper:
inline constexpr char kReady = 'r';       // it runs and is confined
inline constexpr char kAskServers = 'a';  // wants kServers
}  // namespace control

// What is true of the network at the moment.
struct World {
    ReachPolicy reach;
    bool v4_names = false;                           // AAAA has no answer
    std::map<std::string, NameTable::Owner> owners;  // by an id of theirs
    std::vector<Subnet> subnets;  // reverse names in here are never asked outside
    // Who asks from that address has name servers of its own.
    std::map<IpAddress, std::vector<IpAddress>> servers;
    // Names that only who asks from that address is told.
    std::map<IpAddress, std::vector<NameTable::Owner>> views;
};
[[nodiscard]] std::string encode_world(const World& world);
[[nodiscard]] World decode_world(std::string_view text);

struct HelperStart {
    const InsideSockets* sockets;
    int control_fd;
    int maker_fd;
};
// In a process made for it, on the host's network. Ends when the control socket is closed.
[[noreturn]] void run_helper(const HelperStart& start);

}  // namespace sandbox::net
