#include "child_plan.hpp"

#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "etc_files.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/temp_dir.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"
#include "stage_file.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
using child::Option;

// What mount(2) takes for options: one page, with its terminating NUL.
constexpr size_t kMountOptionBytes = 4096;
constexpr gid_t kTtyGroup = 5;  // in every distribution
constexpr int kFirstPreserved = 3;
constexpr const char* kSkeleton = "skeleton";

struct Owner {
    uid_t uid;
    gid_t gid;
};
Owner container_root(const kernel::IdMap& ids) {
    return {ids.uids.front().outside.value, ids.gids.front().outside.value};
}

}  // namespace

void give_to_container_root(int fd, const kernel::IdMap& ids) {
    if (::geteuid() != 0) return;
    const Owner owner = container_root(ids);
    const int rc = raw::fchownat(fd, "", owner.uid, owner.gid, AT_EMPTY_PATH);
    if (rc < 0) throw base::SysError(-rc, "give a directory to the container's root");
}

std::vector<std::string> program_paths(const std::string& program,
                                       const std::vector<std::string>& env) {
    if (program.find('/') != program.npos) return {program};
    std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (const std::string& entry : env) {
        if (entry.starts_with("PATH=")) path = entry.substr(5);
    }
    std::vector<std::string> result;
    for (const std::string& directory : base::split(path, ':')) {
        // An empty or relative entry means the working directory: that is not searched.
        if (directory.starts_with("/")) result.push_back(directory + "/" + program);
    }
    // Nothing to try still needs one path, so that the answer is "not found".
    if (result.empty()) result.push_back("/" + program);
    return result;
}

// execve(2) lays out the words, then the environment, then the program's path in one piece.
void mark_start_text(child::Plan& plan) {
    char* const first = ::program_invocation_name;
    const auto* const path = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    if (first == nullptr || path <= first) return;
    plan.start_text = first;
    plan.start_text_bytes = static_cast<std::size_t>(path - first);
}

ChildPlan::ChildPlan(const ContainerSpec& spec, const LaunchContext& context,
                     image::RootfsPlan::Kind kind)
    : spec_(spec), context_(context), container_path_("containers/" + spec.id) {
    plan_.own_network = spec.network != NetworkMode::host;
    plan_.hostname = keep(spec.hostname);
    plan_.writable_sys = spec.privileged;
    plan_root(kind);
    plan_etc_files();
    plan_devices();
    plan_mounts();
    plan_masks();
    plan_sysctls();
    plan_identity();
    plan_memory_files();
    plan_limits();
    plan_payload();
}

const char* ChildPlan::keep(std::string text) {
    return texts_.emplace_back(std::move(text)).c_str();
}

const char* ChildPlan::classic(const std::vector<Option>& options) {
    std::string text;
    for (const Option& option : options) {
        if (!text.empty()) text += ',';
        text += option.key;
        if (option.value != nullptr) text += std::string("=") + option.value;
    }
    return keep(std::move(text));
}

// The lowest layer of every container: the mount points that an image may lack. Without it they
// would be made anew in each container's upper directory, which costs more than all mounts.
bool ChildPlan::ensure_skeleton() const {
    const int cache_fd = context_.store.cache_fd();
    if (base::exists_at(cache_fd, kSkeleton)) return true;
    try {
        base::TempDir staged(cache_fd);
        for (const char* name : {"etc", "proc", "sys", "dev"}) {
            base::make_dir_at(staged.fd(), name, 0755);
            (void)raw::fchmodat(staged.fd(), name, 0755);
            const base::UniqueFd made =
                base::open_at(staged.fd(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            give_to_container_root(made.get(), spec_.ids);
        }
        for (const char* name : {"etc/hosts", "etc/hostname", "etc/resolv.conf"}) {
            const base::UniqueFd made =
                base::open_at(staged.fd(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
            (void)raw::fchmod(made.get(), 0644);
            give_to_container_root(made.get(), spec_.ids);
        }
        (void)raw::fchmod(staged.fd(), 0755);
        give_to_container_root(staged.fd(), spec_.ids);
        staged.commit(cache_fd, kSkeleton);
        return true;
    } catch (const base::Error& error) {
        // Somebody else was quicker, or the disk is full: then the upper directory has them.
        base::log::debug("skeleton: " + error.message());
        return base::exists_at(cache_fd, kSkeleton);
    }
}

void ChildPlan::plan_root(image::RootfsPlan::Kind kind) {
    child::Root& root = plan_.root;
    struct stat store {};
    if (::fstat(context_.store.root_fd(), &store) != 0) {
        throw base::SysError(errno, "look at the store");
    }
    root.store_path = keep(context_.store.root());
    root.store_device = store.st_dev;
    root.store_inode = store.st_ino;
    root.container_path = container_path_.c_str();
    root.copied_path = keep(container_path_ + "/rootfs");
    root.read_only = spec_.read_only_root;
    root.overlay = kind == image::RootfsPlan::Kind::overlay;
    root.by_descriptor = ::geteuid() == 0;
    give_to_container_root(context_.container_dir_fd, spec_.ids);
    if (root.overlay) plan_overlay();
}

void ChildPlan::plan_overlay() {
    child::Root& root = plan_.root;
    const base::UniqueFd upper =
        base::open_at(context_.container_dir_fd, "upper", O_RDONLY | O_DIRECTORY);
    give_to_container_root(upper.get(), spec_.ids);
    if (::geteuid() == 0) {
        const base::UniqueFd work =
            base::open_at(context_.container_dir_fd, "work", O_RDONLY | O_DIRECTORY);
        give_to_container_root(work.get(), spec_.ids);
    }
    std::string lower;
    std::vector<Option>& options = options_.emplace_back();
    for (const std::string& directory : spec_.rootfs.lower_dirs) {
        const char* path = keep("layers/" + directory);
        lower_dirs_.push_back(path);
        options.push_back({"lowerdir+", path});
        lower += (lower.empty() ? "lowerdir=" : ":") + std::string(path);
    }
    if (ensure_skeleton()) {
        const char* path = keep(std::string("cache/") + kSkeleton);
        lower_dirs_.push_back(path);
        options.push_back({"lowerdir+", path});
        lower += std::string(":") + path;
    }
    // The merged root has the upper directory's mode: it must be the image's.
    struct stat top {};
    if (!lower_dirs_.empty() &&
        ::fstatat(context_.store.root_fd(), lower_dirs_.front(), &top, 0) == 0) {
        (void)raw::fchmod(upper.get(), top.st_mode & 07777);
    }
    const char* upper_path = keep(container_path_ + "/upper");
    const char* work_path = keep(container_path_ + "/work");
    options.push_back({"upperdir", upper_path});
    options.push_back({"workdir", work_path});
    options.push_back({"userxattr", nullptr});
    std::string tail = ",userxattr";
    if (spec_.volatile_upper) {
        options.push_back({"volatile", nullptr});
        tail += ",volatile";
    }
    root.options = {options.data(), options.size()};
    root.lower_dirs = {lower_dirs_.data(), lower_dirs_.size()};
    layer_fds_.assign(lower_dirs_.size(), -1);
    root.layer_fds = layer_fds_.data();
    root.classic_tail = keep(tail);
    std::string classic_text = lower + ",upperdir=" + upper_path + ",workdir=" + work_path + tail;
    if (classic_text.size() < kMountOptionBytes) root.classic_options = keep(classic_text);
}

void ChildPlan::add_etc_file(const char* name, std::string content) {
    const std::string path = std::string("/etc/") + name;
    if (is_mounted_upon(spec_, path)) return;
    etc_files_.push_back({keep(path), name, keep(std::move(content))});
}

void ChildPlan::plan_etc_files() {
    if (!spec_.hosts.empty()) add_etc_file("hosts", format_hosts(spec_));
    add_etc_file("hostname", spec_.hostname + "\n");
    add_etc_file("resolv.conf", format_resolv_conf(spec_));
    plan_.etc_files = {etc_files_.data(), etc_files_.size()};
}

void ChildPlan::plan_devices() {
    devices_ = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
    plan_.devices = {devices_.data(), devices_.size()};
    std::vector<Option>& pts = options_.emplace_back();
    pts = {{"newinstance", nullptr}, {"ptmxmode", "0666"}, {"mode", "0620"}};
    if (spec_.ids.contains_gid(kernel::ContainerId{kTtyGroup})) {
        pts.push_back({"gid", keep(std::to_string(kTtyGroup))});
    }
    plan_.devpts_options = {pts.data(), pts.size()};
    plan_.devpts_classic = classic(pts);
    std::vector<Option>& shm = options_.emplace_back();
    shm = {{"mode", "1777"}, {"size", keep(std::to_string(spec_.shm_size_bytes))}};
    plan_.shm_options = {shm.data(), shm.size()};
    plan_.shm_classic = classic(shm);
}

void ChildPlan::plan_identity() {
    if (spec_.identity == IdentityMode::emulate) {
        plan_emulated_identity();
        return;
    }
    const bool has_root = spec_.ids.contains_uid(kernel::ContainerId{0});
    plan_.root_uid = has_root ? 0 : spec_.user.uid.value;
    plan_.root_gid = spec_.ids.contains_gid(kernel::ContainerId{0}) ? 0 : spec_.user.gid.value;
    plan_.uid = spec_.user.uid.value;
    plan_.gid = spec_.user.gid.value;
    if (!spec_.ids.contains_uid(spec_.user.uid) || !spec_.ids.contains_gid(spec_.user.gid)) {
        throw base::Error("user " + std::to_string(plan_.uid) + ":" + std::to_string(plan_.gid) +
                              " is not in this host's id range",
                          "give yourself more ids in /etc/subuid and /etc/subgid",
                          base::exit_code::kEngine);
    }
    plan_.set_groups = spec_.ids.set_groups;
    for (const kernel::ContainerId group : spec_.user.groups) {
        if (spec_.ids.contains_gid(group)) groups_.push_back(group.value);
    }
    plan_.groups = {groups_.data(), groups_.size()};
    plan_privileges();
}

// Root in truth, whoever it is to be: the identity process says so when it is asked.
void ChildPlan::plan_emulated_identity() {
    identity_traps_ = kernel::identity_traps();
    plan_.identity_traps.len = static_cast<unsigned short>(identity_traps_.size());
    plan_.identity_traps.filter = identity_traps_.data();
    plan_privileges();
}

void ChildPlan::plan_privileges() {
    plan_.known_capabilities = kernel::all_capabilities();
    plan_.bounding_set = spec_.capabilities & plan_.known_capabilities;
    plan_.no_new_privileges = spec_.no_new_privileges;
    seccomp_ = spec_.seccomp;
    plan_.seccomp.len = static_cast<unsigned short>(seccomp_.size());
    plan_.seccomp.filter = seccomp_.data();
}

void ChildPlan::plan_limits() {
    bool processes_limited = false;
    for (const auto& [resource, limit] : spec_.rlimits) {
        // Where emulated identities are kept.
        if (resource == RLIMIT_LOCKS && plan_.identity_traps.len != 0) continue;
        rlimits_.push_back({resource, limit});
        processes_limited = processes_limited || resource == RLIMIT_NPROC;
    }
    if (spec_.pids_limit != 0 && !processes_limited) {
        // Counted per user namespace and id since Linux 5.14, and set inside the new namespace: the
        // caller's other processes do not count. Never above what we may have ourselves.
        rlimit limit{};
        (void)::getrlimit(RLIMIT_NPROC, &limit);
        const rlim_t wanted = std::min<rlim_t>(spec_.pids_limit, limit.rlim_max);
        rlimits_.push_back({RLIMIT_NPROC, {wanted, wanted}});
    }
    plan_.rlimits = {rlimits_.data(), rlimits_.size()};
}

void ChildPlan::plan_payload() {
    plan_.tty = spec_.tty;
    if (context_.window) {
        plan_.window_set = true;
        plan_.window = *context_.window;
    }
    for (size_t i = 0; i < 3; ++i) plan_.stdio_fds[i] = context_.stdio_fds[i];
    for (const int fd : spec_.preserve_fds) {
        plan_.preserve_fds = std::max(plan_.preserve_fds, fd - kFirstPreserved + 1);
    }
    plan_.working_dir = spec_.working_dir.empty() ? "/" : spec_.working_dir.c_str();
    stage_ = make_stage_file();
    plan_.stage_fd = stage_.get();

    // The first one is written over by the child: a number of up to eleven digits.
    stage_argv_.push_back(texts_.emplace_back(12, '\0').data());
    for (std::string& path : program_paths(spec_.argv.front(), spec_.env)) {
        stage_argv_.push_back(texts_.emplace_back(std::move(path)).data());
    }
    stage_argv_.push_back(texts_.emplace_back().data());
    for (const std::string& word : spec_.argv)
        stage_argv_.push_back(texts_.emplace_back(word).data());
    stage_argv_.push_back(nullptr);
    for (const std::string& entry : spec_.env) env_.push_back(texts_.emplace_back(entry).data());
    env_.push_back(nullptr);
    plan_.stage_argv = stage_argv_.data();
    plan_.env = env_.data();
}

}  // namespace sandbox::engine
