// Every path below $XDG_DATA_HOME/sandbox and $XDG_RUNTIME_DIR/sandbox, named once, and the store's
// root: opened, its owner and mode checked, its version known. Not for what lies inside an object.
#pragma once

#include <string>

#include "sandbox/base/file_lock.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::store {

inline constexpr int kStoreVersion = 1;

// An open store. Directories are made when missing (0700). Movable, cheap to pass by reference.
class Store {
  public:
    // At $SANDBOX_STORE, else data_home()/sandbox. Throws Error when it is not ours, reachable by
    // others, read-only, newer than this binary, or on a file system that cannot carry it.
    static Store open();
    static Store open_at(const std::string& root);

    [[nodiscard]] const std::string& root() const noexcept { return root_; }
    [[nodiscard]] int root_fd() const noexcept { return root_fd_.get(); }
    // Opened on first use; borrowed.
    [[nodiscard]] int blobs_fd() const;       // blobs/sha256
    [[nodiscard]] int partial_fd() const;     // blobs/partial
    [[nodiscard]] int layers_fd() const;      // layers
    [[nodiscard]] int images_fd() const;      // images
    [[nodiscard]] int containers_fd() const;  // containers
    [[nodiscard]] int volumes_fd() const;     // volumes
    [[nodiscard]] int networks_fd() const;    // networks
    [[nodiscard]] int cache_fd() const;       // cache: may be removed at any time

    // The store lock. Shared: nothing that exists now is removed while I hold it (taken for the
    // short time between "this image exists" and "this container/layer refers to it").
    // Exclusive: rmi, prune, gc.
    [[nodiscard]] base::FileLock lock(base::LockMode mode) const;

  private:
    Store() = default;
    int open_sub(base::UniqueFd& slot, const char* name) const;
    std::string root_;
    base::UniqueFd root_fd_;
    mutable base::UniqueFd blobs_, partial_, layers_, images_, containers_, volumes_, networks_,
        cache_;
};

// $XDG_RUNTIME_DIR/sandbox, 0700, made when missing: sockets and what need not survive a reboot.
[[nodiscard]] std::string runtime_root();

}  // namespace sandbox::store
