// What the helper and the maker of sockets lose before they touch a packet. Compare
// image/confine.cpp, which does the same for unpacking.
#pragma once

#include <vector>

namespace sandbox::net {

// Own user, mount and ipc namespace with an empty root. Must be called while single-threaded.
void empty_root();
// No capabilities, no_new_privs, the system calls of the helper and no other.
void confine_helper();
// CAP_NET_RAW within its user namespace stays: IP_TRANSPARENT asks for it.
void confine_socket_maker();
// The holder of a named network keeps what it is by its user id (the containers' user namespaces
// are its own) and starts helpers: no other program, no other process's memory, no new privileges.
void confine_holder();
// No capabilities; it may read, wait and end.
void confine_keeper();
// Closes everything but these, from 3 on; 0, 1 and 2 become /dev/null.
void keep_descriptors(std::vector<int> kept);

}  // namespace sandbox::net
