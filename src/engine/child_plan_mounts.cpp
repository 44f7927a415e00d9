// What is mounted at the user's wish: binds, volumes, tmpfs, and files that are made in memory.
#include <unistd.h>

#include <cstdio>

#include "child_plan.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/owner_mark.hpp"

namespace sandbox::engine {
namespace {

using child::Option;

}  // namespace

// An owner whom this map does not have is the root of the container: with one id all is his. Where
// identities are emulated, the file says whose it is meant to be.
void ChildPlan::plan_memory_files() {
    for (const MemoryFileSpec& file : spec_.memory_files) {
        child::MemoryFile planned{
            file.target.c_str(),
            file.content.data(),
            file.content.size(),
            spec_.ids.contains_uid(file.uid) ? file.uid.value : plan_.root_uid,
            spec_.ids.contains_gid(file.gid) ? file.gid.value : plan_.root_gid,
            file.mode,
            {}};
        if (spec_.identity == IdentityMode::emulate) {
            planned.owner = mark_of({file.uid.value, file.gid.value});
        }
        memory_files_.push_back(planned);
    }
    plan_.memory_files = {memory_files_.data(), memory_files_.size()};
}

// An owner that this map does not have is the container's root, as for memory files.
void ChildPlan::plan_tmpfs(const MountSpec& wish, child::Mount& mount) {
    std::vector<Option>& options = options_.emplace_back();
    char mode[16];
    (void)std::snprintf(mode, sizeof mode, "%o", wish.tmpfs_mode & 07777u);
    options.push_back({"mode", keep(mode)});
    if (wish.tmpfs_size_bytes != 0) {
        options.push_back({"size", keep(std::to_string(wish.tmpfs_size_bytes))});
    }
    image::FileOwner owner;
    for (const std::string& word : base::split(wish.tmpfs_options, ',')) {
        if (word.empty()) continue;
        const std::vector<std::string> parts = base::split(word, '=', 2);
        const auto id = static_cast<std::uint32_t>(
            parts.size() > 1 ? base::try_parse_u64(parts[1]).value_or(0) : 0);
        if (parts[0] == "uid") owner.uid = id;
        if (parts[0] == "gid") owner.gid = id;
        if (parts[0] == "uid" && !spec_.ids.contains_uid({id})) continue;
        if (parts[0] == "gid" && !spec_.ids.contains_gid({id})) continue;
        options.push_back({keep(parts[0]), parts.size() > 1 ? keep(parts[1]) : nullptr});
    }
    mount.options = {options.data(), options.size()};
    mount.classic_options = classic(options);
    if (spec_.identity == IdentityMode::emulate && owner != image::FileOwner{}) {
        mount.owner = mark_of(owner);
    }
}

child::OwnerMark ChildPlan::mark_of(const image::FileOwner& owner) {
    const std::string text = image::format_file_owner(owner);
    return {image::kOwnerAttribute, keep(text), text.size()};
}

void ChildPlan::plan_mounts() {
    for (const MountSpec& wish : spec_.mounts) {
        child::Mount mount;
        mount.kind = static_cast<child::Mount::Kind>(wish.kind);
        mount.target = wish.target.c_str();
        mount.read_only = wish.read_only;
        mount.no_exec = !wish.exec;
        mount.no_suid = wish.nosuid;
        mount.recursive = wish.recursive;
        mount.if_there = wish.if_there;
        mount.source = wish.source.c_str();
        if (wish.kind == MountSpec::Kind::tmpfs) {
            plan_tmpfs(wish, mount);
        } else {
            const bool volume = wish.kind == MountSpec::Kind::volume;
            mount.seed = volume && wish.seed;
            if (volume && wish.seed && ::geteuid() == 0) {
                const base::UniqueFd data = base::open_dir(wish.source);
                give_to_container_root(data.get(), spec_.ids);
            }
        }
        mounts_.push_back(mount);
    }
    source_fds_.assign(mounts_.size(), -1);
    plan_.mounts = {mounts_.data(), mounts_.size()};
    plan_.source_fds = source_fds_.data();
}

}  // namespace sandbox::engine
