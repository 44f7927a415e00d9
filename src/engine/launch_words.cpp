#include "launch_words.hpp"

#include <cerrno>
#include <string>

#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/capabilities.hpp"
#include "sandbox/kernel/probe.hpp"

namespace sandbox::engine {
namespace {

using base::quote;
using child::Message;
using child::Step;
namespace exit_code = base::exit_code;

template <typename Items>
std::string name_in(const Items& items, int index) {
    return index >= 0 && static_cast<size_t>(index) < items.count
               ? std::string(items.items[static_cast<size_t>(index)])
               : std::to_string(index);
}

std::string tried_early(Step step) {
    switch (step) {
        case Step::start:
            return "start the container's first process";
        case Step::propagation:
            return "separate the container's mounts from the host's";
        case Step::become_root:
            return "become root of the container's user namespace";
        case Step::open_store:
            return "open the store";
        case Step::mount_overlay:
            return "mount the image's layers";
        case Step::open_copied_tree:
            return "open the copy of the image";
        case Step::attach_root:
            return "mount the container's root";
        case Step::mount_proc:
            return "mount /proc";
        case Step::mount_sys:
            return "mount /sys";
        case Step::mount_dev:
            return "mount /dev";
        case Step::dev_link:
            return "make the links in /dev";
        case Step::mount_devpts:
            return "mount /dev/pts";
        case Step::mount_shm:
            return "mount /dev/shm";
        case Step::mount_mqueue:
            return "mount /dev/mqueue";
        case Step::open_pty:
            return "open a terminal";
        case Step::send_pty:
            return "hand over the terminal";
        case Step::mount_console:
            return "mount /dev/console";
        default:
            return {};
    }
}

std::string tried_late(Step step) {
    switch (step) {
        case Step::network_namespace:
            return "create a network namespace";
        case Step::network_setup:
            return "give the container's network link its addresses";
        case Step::hostname:
            return "set the host name";
        case Step::loopback:
            return "bring up the loopback interface";
        case Step::open_namespace:
            return "open its namespaces";
        case Step::keyring:
            return "join a new session keyring";
        case Step::pivot_root:
            return "enter the container's root";
        case Step::drop_old_root:
            return "leave the host's root";
        case Step::read_only_root:
            return "make the root read-only";
        case Step::fork_payload:
            return "create the payload's process";
        case Step::session:
            return "start a session";
        case Step::standard_streams:
            return "set up the standard streams";
        case Step::descriptors:
            return "close the host's descriptors";
        case Step::groups:
            return "set the groups";
        case Step::no_new_privileges:
            return "set no_new_privs";
        case Step::seccomp:
            return "load the seccomp filter";
        case Step::identity_traps:
            return "load the filter of emulated identities";
        case Step::capabilities:
            return "drop capabilities";
        case Step::signals:
            return "watch for signals";
        case Step::stage:
            return "execute from memory";
        default:
            return {};
    }
}

// Steps that come several times, or whose object the user named.
std::string tried_on(const Message& failure, const ContainerSpec& spec, const child::Plan& plan) {
    constexpr const char* kDirectories[] = {"/proc", "/sys", "/dev"};
    const int index = failure.index;
    switch (failure.step) {
        case Step::prepare_directory:
            return std::string("make the directory ") + kDirectories[index % 3];
        case Step::device:
            return "bind the device /dev/" + (static_cast<size_t>(index) < plan.devices.count
                                                  ? std::string(plan.devices.items[index].name)
                                                  : std::to_string(index));
        case Step::etc_file:
            return std::string("mount ") + (static_cast<size_t>(index) < plan.etc_files.count
                                                ? plan.etc_files.items[index].path
                                                : "a file in /etc");
        case Step::memory_file:
            return "mount " + (static_cast<size_t>(index) < spec.memory_files.size()
                                   ? quote(spec.memory_files[static_cast<size_t>(index)].target)
                                   : std::string("a file in memory"));
        case Step::mask_path: {
            const int proc = static_cast<int>(plan.masked_proc.count);
            return "mask " + (index < proc ? "/proc/" + name_in(plan.masked_proc, index)
                                           : "/sys/" + name_in(plan.masked_sys, index - proc));
        }
        case Step::read_only_path:
            return "make /proc/" + name_in(plan.read_only_proc, index) + " read-only";
        case Step::sysctl:
            return "write /proc/sys/" + (static_cast<size_t>(index) < plan.sysctls.count
                                             ? std::string(plan.sysctls.items[index].path)
                                             : std::to_string(index));
        case Step::rlimit:
            return "set resource limit " + (static_cast<size_t>(index) < plan.rlimits.count
                                                ? std::to_string(plan.rlimits.items[index].resource)
                                                : std::to_string(index));
        case Step::bounding_set:
            return "drop " + kernel::capability_name(index);
        case Step::make_working_dir:
            return "make the working directory " + quote(spec.working_dir);
        case Step::enter_working_dir:
            return "enter the working directory " + quote(spec.working_dir);
        case Step::identity:
            return "become user " + std::to_string(spec.user.uid.value) + ":" +
                   std::to_string(spec.user.gid.value);
        default:
            return {};
    }
}

std::string tried_mount(const Message& failure, const ContainerSpec& spec) {
    const auto index = static_cast<size_t>(failure.index);
    if (index >= spec.mounts.size()) return "mount";
    const MountSpec& mount = spec.mounts[index];
    const std::string target = quote(mount.target);
    switch (failure.step) {
        case Step::open_source:
            return (mount.kind == MountSpec::Kind::device ? "open the device "
                                                          : "open the bind source ") +
                   quote(mount.source);
        case Step::mount_target:
            return "prepare the mount target " + target;
        case Step::mount_bind:
            return "bind " + quote(mount.source) + " at " + target;
        case Step::mount_volume:
            return "mount the volume " + quote(mount.volume_name) + " at " + target;
        case Step::mount_tmpfs:
            return "mount a tmpfs at " + target;
        case Step::seed_volume:
            return "copy the image's content at " + target + " into the volume " +
                   quote(mount.volume_name);
        case Step::mount_flags:
            return "set the flags of the mount at " + target;
        default:
            return {};
    }
}

base::Error bad_target(const Message& failure, const ContainerSpec& spec) {
    const auto index = static_cast<size_t>(failure.index);
    const MountSpec mount = index < spec.mounts.size() ? spec.mounts[index] : MountSpec{};
    const std::string target = quote(mount.target);
    if (failure.step == Step::forbidden_target) {
        return base::Error(
            "forbidden mount target " + target,
            "the root, /proc, /sys and /dev themselves are always the container's own",
            exit_code::kEngine);
    }
    if (failure.step == Step::target_is_file) {
        return base::Error("mount target " + target + " is not a directory, but the source is one",
                           {}, exit_code::kEngine);
    }
    return base::Error("mount target " + target + " is a directory, but the source is a file", {},
                       exit_code::kEngine);
}

base::Error execute_error(const Message& failure, const ContainerSpec& spec) {
    const std::string program = quote(spec.argv.front());
    const std::string text = failure.error == ENOEXEC ? std::string("exec format error")
                                                      : base::errno_text(failure.error);
    const bool absent = failure.error == ENOENT || failure.error == ENOTDIR;
    std::string hint;
    if (failure.error == ENOEXEC) {
        hint = "it is neither a program for this processor nor a script with \"#!\"";
    } else if (absent && spec.argv.front().find('/') == std::string::npos) {
        hint = "not found in the container's $PATH";
    } else if (absent) {
        hint = "the file, or the interpreter or loader that it names, is not in the image";
    }
    return base::Error("exec " + program + ": " + text, hint,
                       absent ? exit_code::kNotFound : exit_code::kNotExecutable);
}

std::string hint_for(const Message& failure) {
    switch (failure.step) {
        case Step::propagation:
        case Step::mount_proc:
        case Step::mount_sys:
        case Step::mount_dev:
        case Step::mount_devpts:
        case Step::loopback:
        case Step::network_namespace:
        case Step::become_root:
            return kernel::explain_namespace_failure(failure.error);
        case Step::mount_overlay:
            return failure.error == ENODEV ? "this kernel has no overlay file system" : "";
        case Step::mount_bind:
            return failure.error == EINVAL ? "parts of the source are mounts that must stay "
                                             "together: bind it recursively"
                                           : "";
        case Step::sysctl:
            return "only settings that belong to the container's own namespaces can be set";
        case Step::keyring:
            return failure.error == EDQUOT ? "too many keyrings: see /proc/sys/kernel/keys/maxkeys"
                                           : "";
        default:
            return {};
    }
}

}  // namespace

base::Error make_launch_error(const Message& failure, const ContainerSpec& spec,
                              const child::Plan& plan) {
    switch (failure.step) {
        case Step::execute:
            return execute_error(failure, spec);
        case Step::forbidden_target:
        case Step::target_is_file:
        case Step::target_is_directory:
            return bad_target(failure, spec);
        case Step::working_dir_outside:
            return base::Error(
                "working directory " + quote(spec.working_dir) + " is outside of the container", {},
                exit_code::kNotExecutable);
        default:
            break;
    }
    std::string tried = tried_early(failure.step);
    if (tried.empty()) tried = tried_late(failure.step);
    if (tried.empty()) tried = tried_on(failure, spec, plan);
    if (tried.empty()) tried = tried_mount(failure, spec);
    if (tried.empty()) tried = "start the container";
    const bool user_named =
        failure.step == Step::enter_working_dir || failure.step == Step::make_working_dir;
    return base::Error(tried + ": " + base::errno_text(failure.error), hint_for(failure),
                       user_named ? exit_code::kNotExecutable : exit_code::kEngine);
}

bool is_overlay_refusal(const Message& failure) noexcept {
    if (failure.step != Step::mount_overlay) return false;
    switch (failure.error) {
        case EPERM:       // a kernel before 5.11, or a distribution that forbids it
        case ENODEV:      // not built in
        case EINVAL:      // an upper directory that overlay cannot write to (NFS, overlay itself)
        case EOPNOTSUPP:  // no extended attributes of users
            return true;
        default:
            return false;
    }
}

}  // namespace sandbox::engine
