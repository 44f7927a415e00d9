#include "engine/identity/identity_service.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "engine/identity/identity_server.hpp"
#include "engine/identity/identity_wire.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/identity.hpp"
#include "sandbox/kernel/confine.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

constexpr std::uint64_t bit(int capability) {
    return std::uint64_t{1} << capability;
}
// Over the container's own ids: its files whatever their mode, and the memory of its processes.
constexpr std::uint64_t kCapabilities =
    bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) | bit(CAP_SYS_PTRACE);

constexpr std::array kCalls {
    SYS_ioctl, SYS_ppoll, SYS_prlimit64, SYS_process_vm_readv, SYS_newfstatat, SYS_openat,
        static_cast<int>(raw::kSysOpenat2), SYS_statx, SYS_getxattr, SYS_setxattr, SYS_removexattr,
        SYS_readlinkat, SYS_fstatfs, SYS_mknodat, SYS_fchownat, SYS_pwrite64, SYS_read, SYS_write,
        SYS_close, SYS_fchmodat, SYS_recvmsg, SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap,
        SYS_mprotect, SYS_madvise, SYS_futex, SYS_exit_group, SYS_exit, SYS_rt_sigprocmask,
        SYS_rt_sigreturn, SYS_restart_syscall, SYS_getdents64, SYS_fstat, SYS_lseek, SYS_getpid,
        SYS_gettid, static_cast<int>(raw::kSysGetxattrat), static_cast<int>(raw::kSysSetxattrat),
        static_cast<int>(raw::kSysPidfdOpen), static_cast<int>(raw::kSysPidfdGetfd), SYS_getsockopt,
#if defined(__x86_64__)
        SYS_poll,
#endif
};

void check(long rc, const char* tried) {
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), tried);
}

struct Start {
    const ContainerSpec& spec;
    int user_namespace, mount_namespace, pid_namespace;
    int listener, control, table;
    image::OwnerTable image_table;
};

// Only these stay; answers where they are now.
std::array<int, 5> keep_only(std::array<int, 5> fds) {
    constexpr int kFirst = 3, kAway = 64;
    for (int& fd : fds) {
        if (fd >= 0) {
            fd = raw::fcntl(fd, F_DUPFD_CLOEXEC, kAway);
            check(fd, "keep descriptors");
        }
    }
    int next = kFirst;
    for (int& fd : fds) {
        if (fd < 0) continue;
        check(raw::dup3(fd, next, O_CLOEXEC), "keep descriptors");
        fd = next++;
    }
    const int null = raw::openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; ++fd) (void)raw::dup3(null, fd, 0);
    if (raw::close_range(static_cast<unsigned>(next), ~0u, 0) == -ENOSYS) {
        for (int fd = next; fd < 1024; ++fd) (void)raw::close(fd);
    }
    return fds;
}

void join(int user_namespace, int mount_namespace) {
    check(raw::call(SYS_setns, user_namespace, CLONE_NEWUSER), "join the user namespace");
    check(raw::setresgid(0, 0, 0), "become the container's root");
    check(raw::setresuid(0, 0, 0), "become the container's root");
    // prctl(2): a change of credentials sets both anew.
    check(raw::prctl(PR_SET_DUMPABLE, 0), "forbid dumps");
    check(raw::prctl(PR_SET_PDEATHSIG, SIGKILL), "end with the supervisor");
    check(raw::call(SYS_setns, mount_namespace, CLONE_NEWNS), "join the mount namespace");
}

constexpr std::uint64_t kNoMount = 0;

std::uint64_t mount_at(const std::string& target) {
    const base::UniqueFd fd(raw::openat(AT_FDCWD, target.c_str(), O_PATH | O_CLOEXEC));
    FileFacts facts;
    return fd && FileOwners::look_at(fd.get(), facts) == 0 ? facts.mount : kNoMount;
}

// proc_pid_mountinfo(5): each mount's number, and that of the one which it is mounted on. The
// working directory is a /proc.
std::vector<std::pair<std::uint64_t, std::uint64_t>> mounts_and_parents() {
    constexpr size_t kMaxBytes = 16u << 20;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> mounts;
    const auto text = base::try_read_file_at(AT_FDCWD, "self/mountinfo", kMaxBytes);
    for (const std::string& line : base::split(text.value_or(""), '\n')) {
        const std::vector<std::string> words = base::split(line, ' ', 3);
        if (words.size() < 3) continue;
        const auto mount = base::try_parse_u64(words[0]);
        const auto parent = base::try_parse_u64(words[1]);
        if (mount && parent) mounts.emplace_back(*mount, *parent);
    }
    return mounts;
}

// Files that belong to the caller on the host, too, are not marked unless it is asked for: those of
// binds, and of what the host has mounted below them.
std::vector<std::uint64_t> unmarked_mounts(const ContainerSpec& spec) {
    std::vector<std::uint64_t> unmarked, ours;
    for (const MountSpec& mount : spec.mounts) {
        const bool leave = mount.kind == MountSpec::Kind::device ||
                           (mount.kind == MountSpec::Kind::bind && !mount.mark_owners);
        (leave ? unmarked : ours).push_back(mount_at(mount.target));
    }
    if (unmarked.empty()) return unmarked;
    const auto has = [](const std::vector<std::uint64_t>& mounts, std::uint64_t mount) {
        return std::find(mounts.begin(), mounts.end(), mount) != mounts.end();
    };
    const auto all = mounts_and_parents();
    for (bool grown = true; std::exchange(grown, false);) {
        for (const auto& [mount, parent] : all) {
            if (!has(unmarked, parent) || has(unmarked, mount) || has(ours, mount)) continue;
            unmarked.push_back(mount);
            grown = true;
        }
    }
    return unmarked;
}

// namespaces(7): the limit of our own user namespace. The working directory is a /proc.
std::optional<struct stat> own_user_namespace() {
    const auto limit = base::try_read_file_at(AT_FDCWD, "sys/user/max_user_namespaces", 64);
    if (limit == "0\n") return std::nullopt;
    struct stat info {};
    check(raw::call(SYS_newfstatat, AT_FDCWD, raw::ptr("self/ns/user"), raw::ptr(&info), 0),
          "look at the user namespace");
    return info;
}

Identity identity_of(const ContainerSpec& spec, Credentials who) {
    // With CAP_SYS_ADMIN programs may have other roots by more than chroot(2).
    return {std::move(who), {}, (spec.capabilities & bit(CAP_SYS_ADMIN)) != 0};
}

void serve(Start start) {
    (void)raw::prctl(PR_SET_NAME, static_cast<unsigned long>(raw::ptr("sandbox-ident")));
    check(raw::prctl(PR_SET_PDEATHSIG, SIGKILL), "end with the supervisor");
    check(raw::prctl(PR_SET_DUMPABLE, 0), "forbid dumps");
    // Out of the caller's job: its terminal's signals are not for us.
    (void)raw::setsid();
    const int proc = raw::openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    check(proc, "open /proc");
    join(start.user_namespace, start.mount_namespace);
    const auto [proc_fd, pid_ns, listener, control, table] =
        keep_only({proc, start.pid_namespace, start.listener, start.control, start.table});
    // So that "self/fd/3" is a file of ours by name.
    check(raw::fchdir(proc_fd), "enter /proc");

    ServerStart begin;
    begin.root = identity_of(start.spec, initial_credentials(0, 0, {0}, start.spec.capabilities,
                                                             start.spec.no_new_privileges));
    begin.proc.reset(proc_fd);
    begin.pid_namespace.reset(pid_ns);
    begin.table.reset(table);
    begin.image_table = std::move(start.image_table);
    begin.unmarked = unmarked_mounts(start.spec);
    begin.user_namespace = own_user_namespace();
    IdentityServer server(std::move(begin));
    server.add_listener(
        base::UniqueFd(listener),
        identity_of(start.spec, credentials_of(start.spec.user, start.spec.capabilities,
                                               start.spec.no_new_privileges)));
    (void)raw::call(SYS_umask, 0);  // callers have their own
    kernel::keep_capabilities(kCapabilities);
    kernel::load_call_filter(kCalls, {});
    server.run(control);
}

}  // namespace

Credentials credentials_of(const IdentitySpec& user, kernel::CapabilitySet bounding,
                           bool no_new_privileges) {
    std::vector<std::uint32_t> groups;
    for (const kernel::ContainerId group : user.groups) groups.push_back(group.value);
    return initial_credentials(user.uid.value, user.gid.value, std::move(groups), bounding,
                               no_new_privileges);
}

bool can_emulate_identities() noexcept {
    return IdentityService::is_possible();
}

bool IdentityService::is_possible() noexcept {
    // Paths are looked up by openat2(2), which an old filter around us may not know.
    return IdentityTable::is_possible() && kernel::can_listen() &&
           raw::openat2(-1, "", open_how{}) != -ENOSYS;
}

std::unique_ptr<IdentityService> IdentityService::start(const ContainerSpec& spec,
                                                        const NamespaceFds& namespaces,
                                                        base::UniqueFd listener,
                                                        int container_dir_fd,
                                                        image::OwnerTable image_table) {
    std::array<int, 2> ends{};
    const long rc =
        raw::call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, raw::ptr(ends.data()));
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "make a socket pair");
    base::UniqueFd ours(ends[0]);
    const base::UniqueFd theirs(ends[1]);
    const int table = raw::openat(container_dir_fd, image::kOwnerTableName,
                                  O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    const base::UniqueFd table_file(table < 0 ? -1 : table);
    kernel::ChildProcess process = kernel::ChildProcess::clone(0);
    if (process.is_child()) {
        int code = 0;
        try {
            serve({spec, namespaces.user.get(), namespaces.mount.get(), namespaces.pid.get(),
                   listener.get(), theirs.get(), table_file.get(), std::move(image_table)});
        } catch (const std::exception& error) {
            base::log::warning(std::string("identities cannot be emulated: ") + error.what());
            code = 1;
        }
        raw::exit_group(code);
    }
    return std::make_unique<IdentityService>(Key{}, std::move(process), std::move(ours));
}

void IdentityService::leave() noexcept {
    control_.reset();
    process_.release();
}

IdentityService::~IdentityService() {
    control_.reset();
    if (process_.pid() < 0) return;
    // It has nothing left to do but to see that; what it has written is in the kernel's hands.
    try {
        (void)process_.wait();
    } catch (const base::Error& error) {
        base::log::debug(error.message());
    }
}

void IdentityService::add_listener(int listener_fd, const Credentials& first) {
    send_listener(control_.get(), listener_fd, first);
}

}  // namespace sandbox::engine
