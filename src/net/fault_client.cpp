#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "net/holder_wire.hpp"
#include "net/namespace_entry.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/net/fault.hpp"

namespace sandbox::net {
namespace {

namespace json = base::json;
using base::SysError;
using base::UniqueFd;

constexpr timeval kPatience{10, 0};

// Absent: nobody listens.
std::optional<UniqueFd> try_connect(const HolderPlace& place) {
    const auto dir = base::try_open_at(AT_FDCWD, place.directory, O_RDONLY | O_DIRECTORY);
    if (!dir) return std::nullopt;
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) throw SysError(errno, "make a socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = wire::socket_path(dir->get(), place.id);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
        throw SysError(errno, "reach the network's holder");
    }
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    return socket;
}

json::Value ask(int socket_fd, const json::Value& request) {
    send_message(socket_fd, json::dump(request));
    const Message answer = receive_message(socket_fd);
    if (answer.text.empty()) throw HolderGone("the process that holds the network has died");
    json::Value value = json::parse(answer.text);
    if (const std::string error = value.string_or("error"); !error.empty()) {
        throw base::Error(error, value.string_or("hint"));
    }
    return value;
}

}  // namespace

void set_fault(const HolderPlace& place, const NetworkFault& fault) {
    const auto socket = try_connect(place);
    if (!socket) throw HolderGone("nobody is on the network");
    json::Value request = wire::fault_to_json(fault);
    (*request.as_object())["op"] = "fault";
    (void)ask(socket->get(), request);
}

std::vector<NetworkFault> list_faults(const HolderPlace& place) {
    const auto socket = try_connect(place);
    if (!socket) return {};
    const json::Value answer = ask(socket->get(), json::Object{{"op", "faults"}});
    std::vector<NetworkFault> faults;
    if (const json::Array* all = answer["faults"].as_array()) {
        for (const json::Value& each : *all) faults.push_back(wire::fault_from_json(each));
    }
    return faults;
}

}  // namespace sandbox::net
