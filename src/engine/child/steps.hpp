// The steps of the child, in the order in which child_main.cpp takes them. Each one ends the
// process through fail() when it cannot be done.
#pragma once

#include "child/report.hpp"

namespace sandbox::engine::child {

// user_mounts.cpp: everything that only the caller's own identity may reach.
void open_store(Plan& plan) noexcept;
void open_sources(const Plan& plan) noexcept;

// namespaces.cpp: descriptors of our own namespaces, sent to the parent for those who join later.
void send_namespaces(const Plan& plan) noexcept;
// Addresses and routes of the link that the parent has put into our network namespace.
void configure_network(const Plan& plan) noexcept;

// root.cpp: answers a descriptor of the container's root, attached somewhere on the host.
void open_layers(Plan& plan) noexcept;
int make_root(const Plan& plan) noexcept;
void enter_root(const Plan& plan, int root_fd) noexcept;
void make_working_dir(const Plan& plan, int root_fd) noexcept;
void make_root_read_only(const Plan& plan) noexcept;

// system_mounts.cpp. File systems that can exist before the ids do are made while newuidmap runs;
// -ENOSYS: not made yet.
struct Prepared {
    int proc_fd = -ENOSYS;
    int sys_fd = -ENOSYS;
    int cgroup_fd = -ENOSYS;
    int dev_fd = -ENOSYS;
    int shm_fd = -ENOSYS;
    int queues_fd = -ENOSYS;
};
Prepared prepare_mounts(const Plan& plan) noexcept;

// /proc, /sys, /dev. Descriptors of their roots, for later steps.
struct SystemMounts {
    int proc_fd = -1;
    int sys_fd = -1;
    int dev_fd = -1;
    int pts_fd = -1;
};
SystemMounts mount_system(const Plan& plan, const Prepared& prepared, int root_fd) noexcept;

// masks.cpp
void write_sysctls(const Plan& plan, int proc_fd) noexcept;
void hide_paths(const Plan& plan, const SystemMounts& system) noexcept;

// user_mounts.cpp
void mount_user(const Plan& plan, int root_fd, const SystemMounts& system) noexcept;
void finish_user_mounts(const Plan& plan) noexcept;

// seed.cpp: copies the content of one directory into another, empty one. -errno.
int seed_directory(int from_fd, int to_fd) noexcept;

// terminal.cpp: a pty from the container's devpts; answers the slave, sends the master.
int open_terminal(const Plan& plan, const SystemMounts& system) noexcept;
// The other side of a pty, from the master itself: unlocked, of the right size, the user's.
int open_slave(const Plan& plan, int master) noexcept;

// identity.cpp
void become_root(const Plan& plan) noexcept;
void set_limits(const Plan& plan) noexcept;
void join_session_keyring(const Plan& plan) noexcept;
void drop_bounding_set(const Plan& plan) noexcept;
void set_identity(const Plan& plan) noexcept;
void drop_capabilities(const Plan& plan, std::uint64_t keep, Step step) noexcept;
std::uint64_t payload_capabilities(const Plan& plan) noexcept;
void set_loopback_up(const Plan& plan) noexcept;

// payload.cpp
[[noreturn]] void run_payload(const Plan& plan, int terminal_fd) noexcept;

// init.cpp: pid 1 with a payload as its child.
[[noreturn]] void run_init(const Plan& plan, pid_t payload) noexcept;
// The words that the program was started with give way to `name` (with its terminating NUL).
void forget_start_text(const Plan& plan, const char* name, std::size_t name_bytes) noexcept;
void block_all_signals() noexcept;
void reset_signals() noexcept;

}  // namespace sandbox::engine::child
