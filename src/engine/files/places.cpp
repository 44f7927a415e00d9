#include "engine/files/places.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "child/child_main.hpp"
#include "engine/container_record.hpp"
#include "engine/launch_words.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

constexpr std::uint64_t kUserAndMounts = CLONE_NEWUSER | CLONE_NEWNS;

void check(long rc, const char* tried) {
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), tried);
}

void become(const kernel::IdMap& ids) {
    // user_namespaces(7): refused where setgroups is denied, which is as good.
    (void)raw::setgroups(0, nullptr);
    const auto first = [](const std::vector<kernel::IdRange>& ranges) {
        return ranges.front().inside.value;
    };
    const gid_t gid = ids.contains_gid({0}) ? 0 : first(ids.gids);
    const uid_t uid = ids.contains_uid({0}) ? 0 : first(ids.uids);
    check(raw::setresgid(gid, gid, gid), "take the namespace's group");
    check(raw::setresuid(uid, uid, uid), "take the namespace's user");
}

}  // namespace

kernel::IdMap files_id_map(const base::json::Value& record) {
    if (record_rootfs(record).mode == store::LayerMode::single) {
        return kernel::single_id_map({0}, {0});
    }
    kernel::IdMap ids = kernel::host_id_map();
    if (ids.mode == kernel::IdMode::single) {
        throw base::Error("the container's files belong to a range of ids that is gone",
                          "see `sandbox doctor` on subordinate ids");
    }
    return ids;
}

image::RootfsPlan record_rootfs(const base::json::Value& record) {
    image::RootfsPlan rootfs;
    const std::vector<std::string> layers = record["layers"].strings();
    const std::string range(store::name_of(store::LayerMode::range));
    rootfs.mode = store::LayerMode::single;
    for (const std::string& layer : layers) {
        if (layer.starts_with(range + "-")) rootfs.mode = store::LayerMode::range;
        rootfs.lower_dirs.push_back(layer + "/fs");
    }
    if (layers.empty() && kernel::host_id_map().mode == kernel::IdMode::range) {
        rootfs.mode = store::LayerMode::range;
    }
    return rootfs;
}

// --- OwnerPlace ---------------------------------------------------------------------------------

OwnerPlace::OwnerPlace(kernel::IdMap ids) : ids_(std::move(ids)) {
    base::Pipe pipe = base::make_pipe();
    start_read_ = std::move(pipe.read_end);
    start_write_ = std::move(pipe.write_end);
}

std::uint64_t OwnerPlace::clone_flags() const {
    return kUserAndMounts;
}

bool OwnerPlace::after_clone(kernel::ChildProcess& child) {
    kernel::write_maps(child.pid(), ids_);
    base::write_all(start_write_.get(), "m");
    return true;
}

void OwnerPlace::enter() {
    start_write_.reset();
    char byte = 0;
    if (raw::read(start_read_.get(), &byte, 1) != 1) raw::exit_group(1);
    become(ids_);
}

HostPlace::HostPlace() {
    if (::geteuid() != 0) {
        mapped_.emplace(kernel::single_id_map({static_cast<std::uint32_t>(::geteuid())},
                                              {static_cast<std::uint32_t>(::getegid())}));
    }
}

std::uint64_t HostPlace::clone_flags() const {
    return mapped_ ? kUserAndMounts : CLONE_NEWNS;
}

bool HostPlace::after_clone(kernel::ChildProcess& child) {
    return !mapped_ || mapped_->after_clone(child);
}

void HostPlace::enter() {
    if (mapped_) mapped_->enter();
}

// --- StoppedPlace -------------------------------------------------------------------------------

StoppedPlace::StoppedPlace(const store::Store& store, const store::OwnedContainer& owned,
                           const base::json::Value& record, bool with_mounts)
    : store_(store), owned_(owned), volumes_(store) {
    make_spec(record, with_mounts);
    context_.emplace(LaunchContext{store_, owned_.dir.get(), {0, 1, 2}, std::nullopt});
    make_plan();
}

void StoppedPlace::make_plan() {
    plan_ = std::make_unique<ChildPlan>(spec_, *context_, spec_.rootfs.kind);
    // Our files in /etc are for who runs in it.
    plan_->plan().etc_files = {};
    handshake_ = make_handshake();
    plan_->plan().handshake_fd = handshake_.theirs.get();
    plan_->plan().parent_handshake_fd = handshake_.ours.get();
}

StoppedPlace::~StoppedPlace() {
    volumes_.keep();  // none of them is ours to remove
}

void StoppedPlace::make_spec(const base::json::Value& record, bool with_mounts) {
    spec_.id = owned_.id;
    spec_.name = spec_.hostname = "files";
    spec_.rootfs = record_rootfs(record);
    if (has_copied_tree(owned_.dir.get())) {
        spec_.rootfs.kind = image::RootfsPlan::Kind::copied_tree;
    }
    spec_.volatile_upper = false;
    spec_.ids = files_id_map(record);
    spec_.argv = {"/"};
    spec_.working_dir = "/";
    spec_.read_only_root = record["read_only"].is_true();
    if (!with_mounts) return;
    std::vector<MountWish> wishes;
    for (MountWish& wish : record_mounts(record)) {
        if (wish.spec.kind == MountSpec::Kind::bind &&
            ::access(wish.spec.source.c_str(), F_OK) != 0) {
            base::log::notice("the bind mount at " + base::quote(wish.spec.target) +
                              " is left out: " + base::quote(wish.spec.source) + " is not there");
            continue;
        }
        // A volume that no launch has filled yet is filled now, or the launch would find it used.
        wish.spec.seed = wish.spec.kind == MountSpec::Kind::volume;
        wishes.push_back(std::move(wish));
    }
    spec_.mounts = volumes_.resolve(wishes);
}

std::uint64_t StoppedPlace::clone_flags() const {
    return kUserAndMounts;
}

bool StoppedPlace::after_clone(kernel::ChildProcess& child) {
    handshake_.theirs.reset();
    try {
        kernel::write_maps(child.pid(), spec_.ids);
        send_maps_written(handshake_.ours.get());
    } catch (const base::Error&) {
        // A child that failed early is gone: what it said is the reason.
        if (!has_news(handshake_.ours.get())) throw;
    }
    child::Message message;
    long rc = 0;
    do {
        rc = raw::read(handshake_.ours.get(), &message, sizeof message);
    } while (rc == -EINTR);
    if (rc != static_cast<long>(sizeof message)) {
        throw base::Error("the container's root could not be mounted: the helper died");
    }
    if (message.kind == child::MessageKind::failure) {
        if (spec_.rootfs.kind == image::RootfsPlan::Kind::overlay && is_overlay_refusal(message)) {
            // As a launch does it.
            copy_image(spec_, *context_);
            spec_.rootfs.kind = image::RootfsPlan::Kind::copied_tree;
            make_plan();
            return false;
        }
        const base::Error error = make_launch_error(message, spec_, plan_->plan());
        throw base::Error(error.message(), error.hint());
    }
    volumes_.mark_seeded();
    return true;
}

void StoppedPlace::enter() {
    child::enter_root_only(plan_->plan());
}

// --- RunningPlace -------------------------------------------------------------------------------

void RunningPlace::enter() {
    // Nobody inside can see this process, but let nothing of it be looked at all the same.
    check(raw::prctl(PR_SET_DUMPABLE, 0), "turn dumps off");
    check(::setns(user_.get(), CLONE_NEWUSER) == 0 ? 0 : -errno,
          "enter the container's user namespace");
    check(::setns(mount_.get(), CLONE_NEWNS) == 0 ? 0 : -errno,
          "enter the container's mount namespace");
    (void)raw::setgroups(0, nullptr);
    // Where only one id is mapped it is ours already.
    int rc = raw::setresgid(0, 0, 0);
    if (rc != -EINVAL) check(rc, "become the container's root group");
    rc = raw::setresuid(0, 0, 0);
    if (rc != -EINVAL) check(rc, "become the container's root");
    check(raw::chdir("/"), "enter the container's root");
}

}  // namespace sandbox::engine
