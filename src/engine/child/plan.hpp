// All that the child will do, as plain pointers and numbers. Made before clone by child_plan.cpp
// from a ContainerSpec; the memory belongs to the parent's ChildPlan and is the child's own copy
// after clone. The child only reads it.
#pragma once

#include <linux/filter.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace sandbox::engine::child {

template <typename T>
struct List {
    const T* items = nullptr;
    std::size_t count = 0;
    const T* begin() const noexcept { return items; }
    const T* end() const noexcept { return items + count; }
};

struct Option {
    const char* key;
    const char* value;  // null: a flag
};

// Whose a file is meant to be where identities are emulated. A tmpfs carries attributes since Linux
// 6.6; before, the file is shown as root's.
struct OwnerMark {
    const char* attribute = nullptr;  // null: nobody's
    const char* text = nullptr;
    std::size_t bytes = 0;
};

struct Mount {
    enum class Kind : std::int32_t { bind, volume, tmpfs, device };
    Kind kind = Kind::bind;
    const char* target = nullptr;  // absolute, in the container
    const char* source = nullptr;  // but for tmpfs: absolute, on the host
    bool read_only = false;
    bool no_exec = false;
    bool no_suid = true;
    bool recursive = true;
    bool seed = false;
    bool if_there = false;                  // without a source it is left out
    List<Option> options;                   // tmpfs
    const char* classic_options = nullptr;  // the same, for mount(2)
    OwnerMark owner{};                      // tmpfs
};

struct Device {
    const char* name;       // below /dev, here and in the container
    unsigned major, minor;  // what it must be
};

struct EtcFile {
    const char* path;  // in the container
    const char* name;  // its last component
    const char* content;
};

// Made in memory, mounted read-only over all other mounts.
struct MemoryFile {
    const char* path;  // in the container
    const char* content;
    std::size_t bytes;
    uid_t uid;
    gid_t gid;
    mode_t mode;
    OwnerMark owner;
};

struct Rlimit {
    int resource;
    rlimit value;
};

struct Sysctl {
    const char* path;  // below /proc/sys
    const char* value;
};

struct Root {
    bool overlay = true;
    // The store is opened anew inside: a descriptor of the parent's belongs to the parent's mount
    // namespace, and mounting to or from there is refused. It must be the same directory.
    const char* store_path = nullptr;
    dev_t store_device = 0;
    ino_t store_inode = 0;
    int store_fd = -1;  // filled in by the child; all paths below are relative to it
    // Run by root: the container's root is another uid, which cannot walk through the 0700 store.
    // Layers and the container's directory are opened before the ids change and mounted by fd.
    bool by_descriptor = false;
    int container_fd = -1;                  // filled in by the child when by_descriptor
    int* layer_fds = nullptr;               // the same; one per layer
    const char* container_path = nullptr;   // "containers/<id>": the overlay is attached there
    const char* copied_path = nullptr;      // "containers/<id>/rootfs"
    List<Option> options;                   // overlay with lowerdir+
    List<const char*> lower_dirs;           // top first
    const char* classic_options = nullptr;  // lowerdir=…; null: longer than a page
    const char* classic_tail = nullptr;  // upperdir=…,workdir=…,…: to be put behind lowerdir
    bool read_only = false;
};

struct MemoryRange {
    std::size_t begin = 0, end = 0;
};
inline constexpr std::size_t kMaxDroppable = 16;

struct Plan {
    // Channels. The child closes the parent's ends first of all.
    int handshake_fd = -1;
    int parent_handshake_fd = -1;
    int control_fd = -1;
    // An eventfd: pid 1 has given up its capabilities. -1: the payload has no such pid 1.
    int settled_fd = -1;
    // The payload is pid 1 of a pid namespace within ours.
    bool payload_is_init = false;
    int parent_control_fd = -1;

    // The words and the environment this program was started with: wiped in the container's pid 1,
    // since everybody inside can read /proc/1/cmdline.
    char* start_text = nullptr;
    std::size_t start_text_bytes = 0;
    bool detached = false;  // joined, and nobody waits: the payload outlives who started it

    // What pid 1 gives back when it has only to wait; of a supervisor of its own.
    MemoryRange droppable[kMaxDroppable];
    std::size_t droppable_count = 0;

    Root root;
    uid_t root_uid = 0;  // who sets things up inside: 0, or the only id there is
    gid_t root_gid = 0;

    // All namespaces but the pid one are there already, with private mounts.
    bool namespaces_made = false;
    bool own_network = true;
    // The parent joins it to a network meanwhile, and says link_made.
    bool joins_network = false;  // it is in another container's already
    bool waits_for_link = false;
    // Then: what to say to rtnetlink about that link, if it is not set up already; the last message
    // asks for an acknowledgement.
    List<unsigned char> network_setup;
    // It was made inside of its cgroup: the namespace that shows this one as "/" comes only now.
    bool new_cgroup_namespace = false;
    const char* hostname = nullptr;
    List<EtcFile> etc_files;
    List<MemoryFile> memory_files;
    List<Option> devpts_options;
    const char* devpts_classic = nullptr;
    List<Option> shm_options;
    const char* shm_classic = nullptr;
    List<Device> devices;
    List<Mount> mounts;
    int* source_fds = nullptr;                  // one per mount; filled in by the child
    List<const char*> masked_proc, masked_sys;  // relative to /proc, /sys
    List<const char*> read_only_proc;
    List<Sysctl> sysctls;
    bool writable_sys = false;

    bool tty = false;
    bool window_set = false;
    winsize window{};
    int stdio_fds[3] = {0, 1, 2};
    int preserve_fds = 0;  // 3 … 2+n stay

    List<Rlimit> rlimits;
    std::uint64_t bounding_set = 0;
    std::uint64_t known_capabilities = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    bool set_groups = false;  // false: the namespace forbids it
    List<gid_t> groups;
    bool no_new_privileges = false;
    // Of emulated identities: loaded first, its listener goes to the parent. len 0: none.
    sock_fprog identity_traps{};
    sock_fprog seccomp{};  // len 0: none
    const char* working_dir = "/";

    int stage_fd = -1;
    // argv of the stage: [0] is the number of the handshake descriptor, then the paths to try, "",
    // then the payload's argv.
    char* const* stage_argv = nullptr;
    char* const* env = nullptr;
};

}  // namespace sandbox::engine::child
