// ContainerSpec → the flat plan that the child follows (child/plan.hpp). Owns every string and
// array that the plan points to, so it must live until clone.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "child/plan.hpp"
#include "launch.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/image/owner_mark.hpp"

namespace sandbox::engine {

// Where `program` may be, inside: itself when it is a path, else below each directory of PATH.
[[nodiscard]] std::vector<std::string> program_paths(const std::string& program,
                                                     const std::vector<std::string>& env);
// Where the words and the environment of this very process lie, which the child wipes.
void mark_start_text(child::Plan& plan);

// The same list on both sides.
static_assert(static_cast<int>(MountSpec::Kind::device) ==
              static_cast<int>(child::Mount::Kind::device));

// To the container's root, whom its upper directory must belong to. Only when we are root does he
// differ from ourselves.
void give_to_container_root(int fd, const kernel::IdMap& ids);

class ChildPlan {
  public:
    // Opens no source of a mount. `kind`: overlay, or the copied tree that stands in for it.
    ChildPlan(const ContainerSpec& spec, const LaunchContext& context,
              image::RootfsPlan::Kind kind);
    ChildPlan(const ChildPlan&) = delete;
    ChildPlan& operator=(const ChildPlan&) = delete;

    [[nodiscard]] child::Plan& plan() noexcept { return plan_; }
    [[nodiscard]] const child::Plan& plan() const noexcept { return plan_; }

  private:
    void plan_root(image::RootfsPlan::Kind kind);
    void plan_overlay();
    void plan_etc_files();
    void plan_devices();
    void plan_mounts();
    void plan_tmpfs(const MountSpec& wish, child::Mount& mount);
    void plan_masks();
    void plan_sysctls();
    void plan_identity();
    void plan_memory_files();
    void plan_emulated_identity();
    void plan_privileges();
    void plan_limits();
    void plan_payload();

    const char* keep(std::string text);
    [[nodiscard]] child::OwnerMark mark_of(const image::FileOwner& owner);
    [[nodiscard]] const char* classic(const std::vector<child::Option>& options);
    void add_etc_file(const char* name, std::string content);
    [[nodiscard]] bool ensure_skeleton() const;

    const ContainerSpec& spec_;
    const LaunchContext& context_;
    std::string container_path_;  // "containers/<id>"
    std::deque<std::string> texts_;
    std::deque<std::vector<child::Option>> options_;
    std::vector<const char*> lower_dirs_, masked_proc_, masked_sys_, read_only_proc_;
    std::vector<child::EtcFile> etc_files_;
    std::vector<child::MemoryFile> memory_files_;
    std::vector<child::Device> devices_;
    std::vector<child::Mount> mounts_;
    std::vector<int> source_fds_, layer_fds_;
    std::vector<child::Sysctl> sysctls_;
    std::vector<child::Rlimit> rlimits_;
    std::vector<gid_t> groups_;
    std::vector<char*> stage_argv_, env_;
    std::vector<sock_filter> seccomp_;
    std::vector<sock_filter> identity_traps_;
    base::UniqueFd stage_;
    child::Plan plan_;
};

}  // namespace sandbox::engine
