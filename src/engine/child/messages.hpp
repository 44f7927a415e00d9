// The vocabulary of the launch's two channels, shared by parent, child and (by layout) the stage.
// Plain integers in one packet: nothing to parse, nothing to allocate.
#pragma once

#include <cstdint>

namespace sandbox::engine::child {

enum class MessageKind : std::int32_t {
    maps_written = 1,  // parent → child: ids exist, go on
    pty = 2,           // child → parent: the pty's master rides along
    ready = 3,         // child → parent: all is set up; end of file now means "executed"
    failure = 4,       // child → parent: step, error, index; the child is gone
    namespaces = 5,    // child → parent: descriptors of kNamespaceNames ride along
    accounts = 6,      // joining child → parent: the account files lie in the shared memory
    identity = 7,      // parent → joining child: and so does who the payload is
    listener = 8,      // child → parent: that of emulated identities rides along
    link_made = 9,     // parent → child: the network namespace has its link
};

// /proc/<pid>/ns/<name>, in the order in which they travel and are joined. The user namespace comes
// first: it gives the right to join the others.
inline constexpr int kNamespaceCount = 7;
inline constexpr const char* kNamespaceNames[kNamespaceCount] = {"user", "mnt", "pid",   "ipc",
                                                                 "uts",  "net", "cgroup"};

// What the child was doing. The parent makes the words (launch_words.cpp); `index` says which one
// of several.
enum class Step : std::int32_t {
    none = 0,
    start,
    propagation,
    become_root,
    open_store,
    open_source,
    mount_overlay,
    open_copied_tree,
    attach_root,
    prepare_directory,
    mount_proc,
    mount_sys,
    mount_dev,
    device,
    dev_link,
    mount_devpts,
    mount_shm,
    mount_mqueue,
    open_pty,
    send_pty,
    mount_console,
    etc_file,
    mount_target,
    forbidden_target,
    target_is_file,
    target_is_directory,
    mount_bind,
    mount_volume,
    mount_tmpfs,
    seed_volume,
    mount_flags,
    mask_path,
    read_only_path,
    sysctl,
    hostname,
    loopback,
    keyring,
    pivot_root,
    drop_old_root,
    read_only_root,
    rlimit,
    bounding_set,
    make_working_dir,
    fork_payload,
    session,
    standard_streams,
    descriptors,
    groups,
    identity,
    enter_working_dir,
    working_dir_outside,
    no_new_privileges,
    seccomp,
    capabilities,
    signals,
    stage,
    execute,  // sent by the stage: keep its number in stage.c
    open_namespace,
    network_namespace,
    join_namespace,
    join_cgroup,
    memory_file,
    identity_traps,
    network_setup,
};

struct Message {
    MessageKind kind = MessageKind::failure;
    Step step = Step::none;
    std::int32_t error = 0;  // positive errno
    std::int32_t index = 0;
};
static_assert(sizeof(Message) == 16);
// What stage.c has as plain numbers.
static_assert(static_cast<int>(Step::execute) == 56);
static_assert(static_cast<int>(MessageKind::failure) == 4);

// What init writes to the control pipe when the payload has ended.
struct ExitReport {
    std::int32_t code = 0;
    std::int32_t signal = 0;
};

}  // namespace sandbox::engine::child
