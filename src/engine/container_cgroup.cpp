#include "engine/container_cgroup.hpp"

#include <algorithm>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/scope_exit.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

constexpr const char* kCure =
    "log in through systemd (with lingering for services), or have root delegate a cgroup v2 "
    "subtree to this account";

// What is done in place of a cgroup. Empty: nothing can be.
std::string substitute(const std::string& name) {
    if (name == "pids-limit") return "--pids-limit counts each user id by itself";
    if (name == "cpuset-cpus") return "--cpuset-cpus can be undone by the payload";
    return {};
}

void tell(const kernel::UnmetLimits& unmet, bool strict) {
    if (strict) {
        throw base::Error(flags_of(unmet) + " cannot be enforced: " + unmet.why, kCure,
                          base::exit_code::kEngine);
    }
    kernel::UnmetLimits without = unmet;
    std::erase_if(without.names, [](const auto& name) { return !substitute(name).empty(); });
    if (!without.names.empty()) {
        base::log::warning(flags_of(without) + ": not enforced, " + unmet.why);
    }
    for (const std::string& name : unmet.names) {
        if (const std::string words = substitute(name); !words.empty()) {
            base::log::notice(words + ": " + unmet.why);
        }
    }
}

}  // namespace

std::string flags_of(const kernel::UnmetLimits& unmet) {
    std::vector<std::string> flags;
    for (const std::string& name : unmet.names) flags.push_back("--" + name);
    return base::join(flags, ", ");
}

ContainerCgroup::ContainerCgroup(const ContainerSpec& spec, bool wanted) {
    const bool asked = !spec.limits.empty() || spec.strict_limits;
    if (!asked && !wanted) return;
    kernel::ResourceLimits limits = spec.limits;
    // The default number of processes is no reason to ask systemd for anything, nor to complain.
    if (spec.strict_limits && spec.pids_limit != 0) limits.pids = spec.pids_limit;
    kernel::MadeCgroup made = kernel::make_cgroup(spec.id, limits);
    cgroup_ = std::move(made.cgroup);
    base::ScopeExit forget([this] { remove(); });
    if (!made.unmet.empty()) tell(made.unmet, spec.strict_limits);
    forget.dismiss();
    if (!cgroup_ || spec.pids_limit == 0) return;
    kernel::ResourceLimits pids;
    pids.pids = spec.pids_limit;
    limits_pids_ = cgroup_->set(pids).empty();
}

bool ContainerCgroup::oom_killed() const {
    return cgroup_ && cgroup_->oom_kills() > 0;
}

void ContainerCgroup::remove() noexcept {
    if (!cgroup_) return;
    if (!cgroup_->remove()) base::log::debug("a cgroup is still in use");
    cgroup_.reset();
}

}  // namespace sandbox::engine
