// /etc/resolv.conf and /etc/hosts of a running container, after its networks have changed.
#pragma once

#include "engine/exec/namespace_fds.hpp"
#include "engine/network/own_words.hpp"

namespace sandbox::engine {

// By a child inside; the caller must have one thread. Files that are not those of the launch (the
// image's own, a volume's) stay as they are. Throws Error.
void rewrite_own_files(const NamespaceFds& namespaces, const OwnWords& before,
                       const OwnWords& after);

}  // namespace sandbox::engine
