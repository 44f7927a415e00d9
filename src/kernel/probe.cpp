#include "sandbox/kernel/probe.hpp"

#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "probe_try.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/temp_dir.hpp"
#include "sandbox/base/xdg.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "subid.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;
using State = Ability::State;

std::string refusal(int errnum) {
    return std::string(base::errno_name(errnum)) + ": " + base::errno_text(errnum);
}

Ability probe_kernel() {
    Ability ability{"kernel", State::yes, true, "overlay mounts without root came with Linux 5.11",
                    "",       ""};
    utsname system{};
    (void)::uname(&system);
    ability.detail = std::string("Linux ") + system.release + " " + system.machine;
    int major = 0;
    int minor = 0;
    if (std::sscanf(system.release, "%d.%d", &major, &minor) == 2 &&
        (major < 5 || (major == 5 && minor < 11))) {
        ability.state = State::limited;
        ability.cure = "a kernel of 5.11 or later; until then every container copies its image";
    }
    return ability;
}

Ability probe_namespaces() {
    Ability ability{"user namespaces", State::yes, true, "containers without root", "", ""};
    const int rc = try_in_namespaces(CLONE_NEWUSER, std::nullopt, [] { return 0; });
    if (rc != 0) {
        ability.state = State::no;
        ability.detail = refusal(rc);
        ability.cure = explain_namespace_failure(rc);
        return ability;
    }
    const int all = try_in_namespaces(kAllNamespaces, std::nullopt, [] { return 0; });
    ability.detail = "user, mount, pid, ipc, uts, network, cgroup";
    if (all != 0) {
        ability.state = State::no;
        ability.detail = "user only; the others: " + refusal(all);
        ability.cure = explain_namespace_failure(all);
    }
    return ability;
}

// A namespace that exists but gives no power: that is what AppArmor's restriction looks like.
Ability probe_mounts() {
    Ability ability{"mounts in a namespace", State::yes, true, "a root of its own", "", ""};
    const int rc =
        try_in_namespaces(kAllNamespaces, single_id_map(ContainerId{0}, ContainerId{0}),
                          [] { return -raw::mount("tmpfs", "/", "tmpfs", 0, "size=4k"); });
    ability.detail = "tmpfs was mounted";
    if (rc != 0) {
        ability.state = State::no;
        ability.detail = refusal(rc);
        ability.cure = explain_namespace_failure(rc);
    }
    return ability;
}

Ability probe_proc() {
    Ability ability{"own /proc",
                    State::yes,
                    true,
                    "processes of a container see only each other",
                    "a new instance was mounted",
                    ""};
    const int rc =
        try_in_namespaces(kAllNamespaces, single_id_map(ContainerId{0}, ContainerId{0}),
                          [] { return -raw::mount("proc", "/proc", "proc", 0, nullptr); });
    if (rc != 0) {
        ability.state = State::no;
        ability.detail = refusal(rc);
        ability.cure = explain_namespace_failure(rc);
    }
    return ability;
}

std::string range_text(const IdMap& map) {
    std::string text;
    for (const IdRange& range : map.uids) {
        if (map.uids.size() > 1 && &range == &map.uids.front()) continue;  // ourselves
        if (!text.empty()) text += ", ";
        text += std::to_string(range.outside.value) + "-" +
                std::to_string(range.outside.value + (range.count - 1));
    }
    return text;
}

Ability probe_range() {
    Ability ability{"id range", State::yes,
                    false,      "images whose files and processes belong to several users",
                    "",         ""};
    const IdMap map = host_id_map();
    const base::HostUser user = base::host_user();
    if (map.mode == IdMode::single) {
        ability.state = State::no;
        if (is_nested()) {
            ability.detail = "we run inside of another container, which has too few ids or powers";
            ability.cure =
                "give the outer container a range of ids, and its root CAP_SETUID and "
                "CAP_SETGID";
            return ability;
        }
        const bool helpers = try_find_map_helper("newuidmap") && try_find_map_helper("newgidmap");
        ability.detail = helpers
                             ? "no line for \"" + user.name + "\" in /etc/subuid and /etc/subgid"
                             : "newuidmap and newgidmap are not installed";
        ability.cure = helpers ? "sudo usermod --add-subuids 100000-165535 --add-subgids "
                                 "100000-165535 " +
                                     user.name + " (a range that nobody else has)"
                               : "install the package uidmap (shadow-utils on Fedora)";
        return ability;
    }
    ability.detail = range_text(map);
    if (::geteuid() != 0) ability.detail += " through " + *try_find_map_helper("newuidmap");
    try {
        const int rc =
            try_in_namespaces(CLONE_NEWUSER, map, [] { return -raw::setresuid(1, 1, 1); });
        if (rc != 0) throw base::SysError(rc, "become another id of the range");
    } catch (const base::Error& error) {
        ability.state = State::no;
        ability.detail += ", but: " + error.message();
        ability.cure = error.hint();
    }
    return ability;
}

int mount_overlay_in(int dir_fd) {
    int rc = raw::fchdir(dir_fd);
    if (rc == 0) {
        rc = raw::mount("overlay", "merged", "overlay", 0,
                        "lowerdir=lower,upperdir=upper,workdir=work,userxattr");
    }
    return -rc;
}

Ability probe_overlay(const std::string& store_root) {
    Ability ability{"overlay",
                    State::yes,
                    false,
                    "containers share their image's files",
                    "mounted in " + base::quote(store_root),
                    ""};
    int rc = 0;
    try {
        const base::UniqueFd root = base::open_dir(store_root);
        const base::TempDir scratch(root.get());
        for (const char* name : {"lower", "upper", "work", "merged"}) {
            base::make_dir_at(scratch.fd(), name, 0755);
        }
        const std::string path = store_root + "/" + scratch.name();
        rc = try_in_namespaces(CLONE_NEWUSER | CLONE_NEWNS,
                               single_id_map(ContainerId{0}, ContainerId{0}), [&] {
                                   // Opened anew: a descriptor from outside belongs to the other
                                   // mount namespace.
                                   const base::UniqueFd inside = base::open_dir(path);
                                   return mount_overlay_in(inside.get());
                               });
    } catch (const base::SysError& error) {
        ability.state = State::no;
        ability.detail = error.message();
        return ability;
    }
    if (rc != 0) {
        ability.state = State::limited;
        ability.detail = refusal(rc) + " in " + base::quote(store_root) +
                         ": the image is copied for each container";
        ability.cure = "a local file system (ext4, xfs, btrfs) for the store; set $SANDBOX_STORE";
    }
    return ability;
}

Ability probe_attributes(const std::string& store_root) {
    Ability ability{"extended attributes",
                    State::yes,
                    false,
                    "opaque directories and attributes in images",
                    "user.* in " + base::quote(store_root),
                    ""};
    try {
        const base::UniqueFd root = base::open_dir(store_root);
        const base::TempDir scratch(root.get());
        const int rc = raw::fsetxattr(scratch.fd(), "user.sandbox.probe", "1", 1, 0);
        if (rc < 0) throw base::SysError(-rc, "set an attribute in", base::quote(store_root));
    } catch (const base::SysError& error) {
        ability.state = State::limited;
        ability.detail = error.message();
        ability.cure = "a file system with user.* attributes for the store; set $SANDBOX_STORE";
    }
    return ability;
}

Ability probe_seccomp() {
    Ability ability{
        "seccomp filters", State::yes, true, "dangerous system calls are refused", "", ""};
    std::uint32_t action = SECCOMP_RET_ERRNO;
    const long rc = raw::call(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, raw::ptr(&action));
    ability.detail = "the kernel has them";
    if (rc < 0) {
        ability.state = State::no;
        ability.detail = refusal(static_cast<int>(-rc));
        ability.cure = "a kernel with CONFIG_SECCOMP_FILTER";
    }
    return ability;
}

Ability probe_calls() {
    Ability ability{"newer system calls", State::yes, false, "a quicker launch", "", ""};
    struct Call {
        const char* name;
        long number;
    };
    constexpr std::array<Call, 7> kCalls{{{"clone3", raw::kSysClone3},
                                          {"openat2", raw::kSysOpenat2},
                                          {"fsopen", raw::kSysFsopen},
                                          {"open_tree", raw::kSysOpenTree},
                                          {"move_mount", raw::kSysMoveMount},
                                          {"mount_setattr", raw::kSysMountSetattr},
                                          {"close_range", raw::kSysCloseRange}}};
    std::string missing;
    for (const Call& call : kCalls) {
        // Arguments that no kernel accepts: only "no such call" is of interest.
        const long rc = raw::call(call.number, -1, 0, -1, -1, -1);
        if (rc == -ENOSYS) missing += (missing.empty() ? "" : ", ") + std::string(call.name);
    }
    ability.detail = "all that are used";
    if (!missing.empty()) {
        ability.state = State::limited;
        ability.detail = "without " + missing;
        ability.cure = "Linux 5.12 or later; in an outer container, a newer seccomp profile there";
    }
    return ability;
}

Ability probe_memory_file() {
    Ability ability{"executable files in memory",
                    State::yes,
                    true,
                    "the host's program is out of a container's reach",
                    "memfd_create",
                    ""};
    constexpr unsigned kExec = 0x10;  // MFD_EXEC
    long rc = raw::call(SYS_memfd_create, raw::ptr("probe"), MFD_CLOEXEC | kExec);
    if (rc == -EINVAL) rc = raw::call(SYS_memfd_create, raw::ptr("probe"), MFD_CLOEXEC);
    if (rc >= 0) {
        (void)raw::close(static_cast<int>(rc));
    } else {
        ability.state = State::no;
        ability.detail = refusal(static_cast<int>(-rc));
        ability.cure = "sudo sysctl -w vm.memfd_noexec=0";
    }
    return ability;
}

Ability probe_process_limit() {
    Ability ability{
        "process limit", State::yes, false, "a fork bomb stays in its container", "", ""};
    utsname system{};
    (void)::uname(&system);
    int major = 0;
    int minor = 0;
    (void)std::sscanf(system.release, "%d.%d", &major, &minor);
    // Since Linux 5.14 RLIMIT_NPROC is counted per user namespace.
    ability.state = State::limited;
    ability.detail = "by RLIMIT_NPROC inside the namespace: per user id, not in sum";
    if (major < 5 || (major == 5 && minor < 14)) {
        ability.detail = "by RLIMIT_NPROC, which before Linux 5.14 counts all your processes";
        ability.cure = "Linux 5.14 or later";
    }
    return ability;
}

}  // namespace

std::vector<Ability> probe_host(const std::string& store_root) {
    std::vector<Ability> result{probe_kernel(), probe_namespaces()};
    // Without the first one the others would only say the same again.
    if (result.back().state != State::no) {
        result.push_back(probe_mounts());
        result.push_back(probe_proc());
        result.push_back(probe_range());
        result.push_back(probe_overlay(store_root));
    }
    result.push_back(probe_attributes(store_root));
    result.push_back(probe_seccomp());
    result.push_back(probe_memory_file());
    result.push_back(probe_calls());
    result.push_back(probe_process_limit());
    return result;
}

}  // namespace sandbox::kernel
