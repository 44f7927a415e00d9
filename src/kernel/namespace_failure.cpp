// Why a user namespace, or a first mount in one, was refused here: the rules that distributions and
// outer containers add, each told apart by what it leaves to see.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/probe.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::kernel {
namespace {

constexpr size_t kMaxProcFileBytes = 1u << 20;

std::string read_or_empty(const std::string& path) {
    try {
        return std::string(base::trim(base::read_file(path, kMaxProcFileBytes)));
    } catch (const base::Error&) {
        return {};  // not there: this kernel does not know the rule
    }
}

std::string status_field(const std::string& name) {
    for (const std::string& line : base::split(read_or_empty("/proc/self/status"), '\n')) {
        if (line.starts_with(name + ":")) {
            return std::string(base::trim(std::string_view(line).substr(name.size() + 1)));
        }
    }
    return {};
}

// proc(5), user_namespaces(7): a new instance of proc may show no more than the visible one does,
// so anything mounted below /proc forbids it.
std::string mask_below_proc() {
    for (const std::string& line : base::split(read_or_empty("/proc/self/mountinfo"), '\n')) {
        const std::vector<std::string> fields = base::split(line, ' ');
        if (fields.size() > 4 && fields[4].starts_with("/proc/") &&
            !fields[4].starts_with("/proc/sys/fs/binfmt_misc")) {
            return fields[4];
        }
    }
    return {};
}

std::string explain_refusal() {
    if (read_or_empty("/proc/sys/kernel/unprivileged_userns_clone") == "0" && ::geteuid() != 0) {
        return "kernel.unprivileged_userns_clone is 0; run: sudo sysctl -w "
               "kernel.unprivileged_userns_clone=1";
    }
    if (read_or_empty("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" &&
        ::geteuid() != 0) {
        return "AppArmor restricts user namespaces here; give sandbox a profile with \"userns,\" "
               "in /etc/apparmor.d, or run: sudo sysctl -w "
               "kernel.apparmor_restrict_unprivileged_userns=0";
    }
    if (status_field("Seccomp") == "2") {
        return "a seccomp filter of an outer container refuses it; start that container with "
               "--security-opt seccomp=unconfined";
    }
    if (const std::string mask = mask_below_proc(); !mask.empty()) {
        return "\"" + mask +
               "\" is masked by an outer container, so a new /proc may not be mounted; start that "
               "container with --security-opt unmask=ALL (podman) or systempaths=unconfined "
               "(docker)";
    }
    struct stat root {};
    struct stat init_root {};
    // clone(2): EPERM in a chroot. The inode of a mount namespace's root tells.
    if (::stat("/", &root) == 0 && ::stat("/proc/1/root", &init_root) == 0 &&
        (root.st_ino != init_root.st_ino || root.st_dev != init_root.st_dev)) {
        return "user namespaces cannot be made inside a chroot";
    }
    return {};
}

}  // namespace

std::string explain_namespace_failure(int errnum) {
    if (read_or_empty("/proc/sys/user/max_user_namespaces") == "0") {
        if (is_nested()) {
            return "the container around us allows no namespaces within (user.max_user_namespaces "
                   "is 0): start that one with --privileged";
        }
        return "user.max_user_namespaces is 0; run: sudo sysctl -w user.max_user_namespaces=15000";
    }
    switch (errnum) {
        case ENOSPC:
        case EUSERS:
            return "a limit on namespaces is reached: see /proc/sys/user/max_*_namespaces; nested "
                   "more than 32 deep, or too many containers at once";
        case EINVAL:
            return "this kernel lacks one of the namespaces (CONFIG_USER_NS, CONFIG_PID_NS, "
                   "CONFIG_NET_NS, …)";
        case EPERM:
        case EACCES:
            return explain_refusal();
        case EAGAIN:
            return "too many processes: see `ulimit -u`";
        default:
            return {};
    }
}

}  // namespace sandbox::kernel
