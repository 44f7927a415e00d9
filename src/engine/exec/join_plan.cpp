#include "engine/exec/join_plan.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/child_plan.hpp"
#include "engine/own_memory.hpp"
#include "engine/stage_file.hpp"
#include "engine/user_lookup.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"

namespace sandbox::engine {
namespace {

using child::Accounts;

// We are in that namespace ourselves: then there is nothing to join, and no right to do so either.
bool is_own(int namespace_fd, const char* name) {
    struct stat theirs {};
    struct stat ours {};
    const std::string path = std::string("/proc/self/ns/") + name;
    return ::fstat(namespace_fd, &theirs) == 0 && ::stat(path.c_str(), &ours) == 0 &&
           theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

std::string account_text(const Accounts::File& file, const char* path) {
    if (file.error == 0) return {file.text, std::min<size_t>(file.bytes, Accounts::kMaxFileBytes)};
    if (file.error != ENOENT) {
        const std::string why = file.error == EFBIG    ? "it is larger than 1 MiB"
                                : file.error == EINVAL ? "it is not a file"
                                                       : base::errno_text(file.error);
        base::log::warning(std::string("the container's ") + path + " is not used: " + why);
    }
    return {};
}

}  // namespace

void ExecPlan::Unmap::operator()(Accounts* accounts) const noexcept {
    (void)::munmap(accounts, sizeof(Accounts));
}

ExecPlan::ExecPlan(const NamespaceFds& namespaces, const ExecSpec& spec, const ExecContext& context)
    : spec_(spec) {
    child::Plan& payload = plan_.payload;
    plan_.detached = spec.detached;
    plan_.cgroup_procs_fd = context.cgroup_procs_fd;
    plan_.cgroup_needed = spec.limited;
    payload.tty = spec.tty;
    if (context.window) {
        payload.window_set = true;
        payload.window = *context.window;
    }
    for (size_t i = 0; i < 3; ++i) payload.stdio_fds[i] = context.stdio_fds[i];
    payload.working_dir = spec.working_dir.c_str();
    plan_namespaces(namespaces);
    plan_identity();
    plan_limits();
    plan_program();
    mark_start_text(payload);
    // Its parent stays as long as the program does, and needs none of our heap.
    if (spec.detached) mark_droppable(payload);
}

char* ExecPlan::keep(std::string text) {
    return texts_.emplace_back(std::move(text)).data();
}

void ExecPlan::plan_namespaces(const NamespaceFds& namespaces) {
    size_t index = 0;
    for (const int fd : namespaces.numbers()) {
        if (!is_own(fd, child::kNamespaceNames[index])) plan_.namespace_fds[index] = fd;
        ++index;
    }
}

void ExecPlan::check_mapped(const IdentitySpec& user) const {
    if (spec_.emulated) return;
    if (spec_.ids.contains_uid(user.uid) && spec_.ids.contains_gid(user.gid)) return;
    throw base::Error("user " + std::to_string(user.uid.value) + ":" +
                          std::to_string(user.gid.value) + " is not in the container's id map",
                      spec_.ids.mode == kernel::IdMode::single
                          ? "with one id there is only the user that the container was started as"
                          : "give yourself more ids in /etc/subuid and /etc/subgid",
                      base::exit_code::kNotExecutable);
}

std::vector<kernel::ContainerId> ExecPlan::mapped_groups(const IdentitySpec& user) const {
    std::vector<kernel::ContainerId> groups;
    for (const kernel::ContainerId group : user.groups) {
        if (spec_.ids.contains_gid(group)) groups.push_back(group);
    }
    if (groups.size() > Accounts::kMaxGroups) groups.resize(Accounts::kMaxGroups);
    return groups;
}

void ExecPlan::plan_identity() {
    child::Plan& payload = plan_.payload;
    const kernel::IdMap& ids = spec_.ids;
    const bool has_root = ids.contains_uid(kernel::ContainerId{0});
    const bool has_root_group = ids.contains_gid(kernel::ContainerId{0});
    payload.root_uid = has_root || ids.uids.empty() ? 0 : ids.uids.front().inside.value;
    payload.root_gid = has_root_group || ids.gids.empty() ? 0 : ids.gids.front().inside.value;
    // user_namespaces(7): where one id is mapped by its owner, setgroups is forbidden.
    payload.set_groups = ids.set_groups;
    payload.known_capabilities = kernel::all_capabilities();
    payload.bounding_set = spec_.capabilities & payload.known_capabilities;
    payload.no_new_privileges = spec_.no_new_privileges;
    seccomp_ = spec_.seccomp;
    payload.seccomp.len = static_cast<unsigned short>(seccomp_.size());
    payload.seccomp.filter = seccomp_.data();
    if (spec_.emulated) {
        identity_traps_ = kernel::identity_traps();
        payload.identity_traps.len = static_cast<unsigned short>(identity_traps_.size());
        payload.identity_traps.filter = identity_traps_.data();
    }
    if (spec_.user) {
        check_mapped(*spec_.user);
        user_ = *spec_.user;
        if (spec_.emulated) return;
        payload.uid = spec_.user->uid.value;
        payload.gid = spec_.user->gid.value;
        for (const kernel::ContainerId group : mapped_groups(*spec_.user)) {
            groups_.push_back(group.value);
        }
        payload.groups = {groups_.data(), groups_.size()};
        return;
    }
    // Pages that nobody touches cost nothing.
    void* memory = ::mmap(nullptr, sizeof(Accounts), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw base::SysError(errno, "get memory");
    accounts_.reset(static_cast<Accounts*>(memory));
    plan_.accounts = accounts_.get();
}

void ExecPlan::plan_limits() {
    for (const auto& [resource, wanted] : spec_.rlimits) {
        // Where emulated identities are kept.
        if (resource == RLIMIT_LOCKS && spec_.emulated) continue;
        rlimit own{};
        rlimit limit = wanted;
        // Without a capability over the host no limit can be raised.
        if (::getrlimit(static_cast<__rlimit_resource>(resource), &own) == 0) {
            limit.rlim_max = std::min(limit.rlim_max, own.rlim_max);
            limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
        }
        rlimits_.push_back({resource, limit});
    }
    plan_.payload.rlimits = {rlimits_.data(), rlimits_.size()};
}

void ExecPlan::plan_program() {
    child::Plan& payload = plan_.payload;
    stage_ = make_stage_file();
    payload.stage_fd = stage_.get();
    // The first one is written over by the child: a number of up to eleven digits.
    stage_argv_.push_back(keep(std::string(12, '\0')));
    for (std::string& path : program_paths(spec_.argv.front(), spec_.env)) {
        stage_argv_.push_back(keep(std::move(path)));
    }
    stage_argv_.push_back(keep({}));
    for (const std::string& word : spec_.argv) stage_argv_.push_back(keep(word));
    stage_argv_.push_back(nullptr);
    for (const std::string& line : spec_.env) env_.push_back(keep(line));
    if (spec_.set_home && spec_.user) env_.push_back(keep("HOME=" + spec_.user->home));
    if (spec_.set_home && !spec_.user) {
        constexpr std::string_view kName = "HOME=";
        std::string line(kName);
        line.resize(kName.size() + Accounts::kMaxHomeBytes, '\0');
        env_.push_back(keep(std::move(line)));
        plan_.home = env_.back() + kName.size();
    }
    env_.push_back(nullptr);
    payload.stage_argv = stage_argv_.data();
    payload.env = env_.data();
}

void ExecPlan::answer_accounts() {
    const AccountFiles files{account_text(accounts_->passwd, "/etc/passwd"),
                             account_text(accounts_->group, "/etc/group")};
    const IdentitySpec user = look_up_user(spec_.user_text, files, spec_.group_add);
    check_mapped(user);
    user_ = user;
    // Root in truth, whoever it is to be.
    accounts_->uid = spec_.emulated ? 0 : user.uid.value;
    accounts_->gid = spec_.emulated ? 0 : user.gid.value;
    std::uint32_t count = 0;
    for (const kernel::ContainerId group : mapped_groups(user)) {
        accounts_->groups[count++] = group.value;
    }
    accounts_->group_count = count;
    const size_t length = std::min(user.home.size(), Accounts::kMaxHomeBytes - 1);
    std::memcpy(accounts_->home, user.home.data(), length);
    accounts_->home[length] = '\0';
}

}  // namespace sandbox::engine
