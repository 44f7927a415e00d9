// What the tests of the net room share: namespaces of their own with the real kernel in them.
#pragma once

#include <functional>
#include <string>

#include "net/namespace_entry.hpp"
#include "net/netlink.hpp"

namespace sandbox::test {

// Whether user and network namespaces can be made here.
[[nodiscard]] bool has_namespaces();
// A network namespace with a user namespace of its own, as a container has.
[[nodiscard]] base::UniqueFd make_netns();
// Runs `action` in a child inside the namespace; true when it answered true. A throw is printed.
[[nodiscard]] bool inside(int netns_fd, const std::function<bool()>& action);
[[nodiscard]] net::NetlinkSocket route_socket(int netns_fd);

}  // namespace sandbox::test
