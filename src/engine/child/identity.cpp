#include <linux/capability.h>
#include <linux/if.h>
#include <linux/securebits.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "child/steps.hpp"

// Who the payload is and what it may: ids, groups, capabilities, limits, keyring.
namespace sandbox::engine::child {
namespace {

constexpr int kJoinSessionKeyring = 1;  // KEYCTL_JOIN_SESSION_KEYRING, keyctl(2)
constexpr std::uint64_t bit(int capability) noexcept {
    return std::uint64_t{1} << capability;
}

int set_capabilities(std::uint64_t effective, std::uint64_t permitted) noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    for (int word = 0; word < 2; ++word) {
        data[word].effective = static_cast<__u32>(effective >> (32 * word));
        data[word].permitted = static_cast<__u32>(permitted >> (32 * word));
    }
    return static_cast<int>(raw::call(SYS_capset, raw::ptr(&header), raw::ptr(data)));
}

}  // namespace

void become_root(const Plan& plan) noexcept {
    check(plan, Step::become_root, raw::setresgid(plan.root_gid, plan.root_gid, plan.root_gid));
    check(plan, Step::become_root, raw::setresuid(plan.root_uid, plan.root_uid, plan.root_uid));
    // Groups of the caller are not the container's, mapped or not.
    if (plan.set_groups) check(plan, Step::groups, raw::setgroups(0, nullptr));
}

void set_limits(const Plan& plan) noexcept {
    for (std::size_t i = 0; i < plan.rlimits.count; ++i) {
        const Rlimit& limit = plan.rlimits.items[i];
        check(plan, Step::rlimit,
              raw::call(SYS_prlimit64, 0, limit.resource, raw::ptr(&limit.value), 0), i);
    }
}

void join_session_keyring(const Plan& plan) noexcept {
    // Keyrings belong to no namespace: without this the payload has the caller's session keys.
    const long rc = raw::call(SYS_keyctl, kJoinSessionKeyring, 0);
    // ENOSYS: a kernel without keys. EPERM: an outer filter forbids keyctl, for the payload as
    // well.
    if (rc != -ENOSYS && rc != -EPERM) check(plan, Step::keyring, rc);
}

void drop_bounding_set(const Plan& plan) noexcept {
    for (int n = 0; n < 64; ++n) {
        if ((plan.known_capabilities & bit(n)) == 0 || (plan.bounding_set & bit(n)) != 0) continue;
        check(plan, Step::bounding_set, raw::prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(n)),
              static_cast<std::size_t>(n));
    }
}

std::uint64_t payload_capabilities(const Plan& plan) noexcept {
    return plan.uid == 0 ? plan.bounding_set : 0;
}

void set_identity(const Plan& plan) noexcept {
    // seccomp(2): without no_new_privs a filter needs CAP_SYS_ADMIN, so that one outlives the
    // change of ids and goes with drop_capabilities().
    check(plan, Step::identity, raw::prctl(PR_SET_KEEPCAPS, 1));
    if (plan.set_groups) {
        check(plan, Step::groups, raw::setgroups(plan.groups.count, plan.groups.items));
    }
    check(plan, Step::identity, raw::setresgid(plan.gid, plan.gid, plan.gid));
    check(plan, Step::identity, raw::setresuid(plan.uid, plan.uid, plan.uid));
    const std::uint64_t wanted = payload_capabilities(plan) | bit(CAP_SYS_ADMIN);
    check(plan, Step::identity, set_capabilities(wanted, wanted));
    check(plan, Step::identity, raw::prctl(PR_SET_KEEPCAPS, 0));
}

void drop_capabilities(const Plan& plan, std::uint64_t keep, Step step) noexcept {
    // Inheritable is empty, and so is ambient, since it never exceeds inheritable: capabilities(7).
    check(plan, step, set_capabilities(keep, keep));
}

void set_loopback_up(const Plan& plan) noexcept {
    if (!plan.own_network || plan.joins_network) return;
    const int fd = static_cast<int>(raw::call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // EAFNOSUPPORT: a kernel without IPv4 has nothing to bring up.
    if (fd == -EAFNOSUPPORT) return;
    check(plan, Step::loopback, fd);
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    check(plan, Step::loopback, raw::ioctl(fd, SIOCSIFFLAGS, raw::ptr(&request)));
    (void)raw::close(fd);
}

}  // namespace sandbox::engine::child
