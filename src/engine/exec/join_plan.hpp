// ExecSpec → the flat plan that the joining child follows (child/join.hpp). Owns every string,
// array and shared page that the plan points to, so it must live until start_exec() is through.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "child/join.hpp"
#include "engine/exec/join.hpp"

namespace sandbox::engine {

class ExecPlan {
  public:
    ExecPlan(const NamespaceFds& namespaces, const ExecSpec& spec, const ExecContext& context);
    ExecPlan(const ExecPlan&) = delete;
    ExecPlan& operator=(const ExecPlan&) = delete;

    [[nodiscard]] child::JoinPlan& plan() noexcept { return plan_; }
    // What the child read, looked up; the answer lies in the shared memory then. Throws UsageError
    // (125), and Error (126) for an id that the container's map lacks.
    void answer_accounts();
    // Who the program is; known once the accounts are answered.
    [[nodiscard]] const IdentitySpec& user() const noexcept { return user_; }

  private:
    struct Unmap {
        void operator()(child::Accounts* accounts) const noexcept;
    };

    void plan_namespaces(const NamespaceFds& namespaces);
    void plan_identity();
    void plan_limits();
    void plan_program();
    void check_mapped(const IdentitySpec& user) const;
    [[nodiscard]] std::vector<kernel::ContainerId> mapped_groups(const IdentitySpec& user) const;
    char* keep(std::string text);

    const ExecSpec& spec_;
    IdentitySpec user_;
    std::deque<std::string> texts_;
    std::vector<gid_t> groups_;
    std::vector<child::Rlimit> rlimits_;
    std::vector<sock_filter> seccomp_, identity_traps_;
    std::vector<char*> stage_argv_, env_;
    std::unique_ptr<child::Accounts, Unmap> accounts_;
    base::UniqueFd stage_;
    child::JoinPlan plan_;
};

}  // namespace sandbox::engine
