// The only user of libseccomp: policy → BPF. The program is exported, never loaded here, so
// libseccomp's habit of setting no_new_privs on load does not matter.
#include "sandbox/kernel/seccomp.hpp"

#include <seccomp.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "seccomp_cache.hpp"
#include "seccomp_compact.hpp"
#include "seccomp_policy.hpp"

namespace sandbox::kernel {
namespace {

constexpr size_t kMaxProgramBytes = 4096 * sizeof(sock_filter);  // BPF_MAXINSNS, seccomp(2)

struct ContextDeleter {
    void operator()(void* context) const noexcept { seccomp_release(context); }
};
using SeccompContext = std::unique_ptr<void, ContextDeleter>;

std::uint32_t number_of(const SeccompAction& action) {
    switch (action.kind) {
        case SeccompAction::Kind::allow:
            return SCMP_ACT_ALLOW;
        case SeccompAction::Kind::error:
            return SCMP_ACT_ERRNO(action.value);
        case SeccompAction::Kind::kill_process:
            return SCMP_ACT_KILL_PROCESS;
        case SeccompAction::Kind::kill_thread:
            return SCMP_ACT_KILL_THREAD;
        case SeccompAction::Kind::trap:
            return SCMP_ACT_TRAP;
        case SeccompAction::Kind::trace:
            return SCMP_ACT_TRACE(action.value);
        case SeccompAction::Kind::log:
            return SCMP_ACT_LOG;
    }
    return SCMP_ACT_KILL_PROCESS;
}

scmp_compare number_of(ArgumentCheck::Op op) {
    switch (op) {
        case ArgumentCheck::Op::equal:
            return SCMP_CMP_EQ;
        case ArgumentCheck::Op::not_equal:
            return SCMP_CMP_NE;
        case ArgumentCheck::Op::less:
            return SCMP_CMP_LT;
        case ArgumentCheck::Op::less_equal:
            return SCMP_CMP_LE;
        case ArgumentCheck::Op::greater:
            return SCMP_CMP_GT;
        case ArgumentCheck::Op::greater_equal:
            return SCMP_CMP_GE;
        case ArgumentCheck::Op::masked_equal:
            return SCMP_CMP_MASKED_EQ;
    }
    return SCMP_CMP_EQ;
}

[[noreturn]] void fail(int rc, const std::string& what) {
    throw base::SysError(-rc, "compile seccomp policy", what, {});
}

void add_architectures(void* context) {
#if defined(__x86_64__)
    constexpr std::uint32_t kOthers[] = {SCMP_ARCH_X86, SCMP_ARCH_X32};
#elif defined(__aarch64__)
    constexpr std::uint32_t kOthers[] = {SCMP_ARCH_ARM};
#else
    constexpr std::uint32_t kOthers[] = {SCMP_ARCH_NATIVE};
#endif
    for (const std::uint32_t architecture : kOthers) {
        const int rc = seccomp_arch_add(context, architecture);
        if (rc < 0 && rc != -EEXIST) fail(rc, "architecture");
    }
}

void add_rule(void* context, const SyscallRule& rule, std::uint32_t fallback) {
    const std::uint32_t action = number_of(rule.action);
    if (action == fallback) return;  // libseccomp refuses to say the default twice
    const int number = seccomp_syscall_resolve_name(rule.name.c_str());
    if (number == __NR_SCMP_ERROR) return;  // newer than the library, or of another architecture
    std::vector<scmp_arg_cmp> checks;
    for (const ArgumentCheck& check : rule.checks) {
        checks.push_back({check.index, number_of(check.op), check.value, check.value2});
    }
    const int rc = seccomp_rule_add_array(context, action, number,
                                          static_cast<unsigned>(checks.size()), checks.data());
    // EDOM: no such call on one of the architectures. EEXIST: an equal rule is there.
    if (rc < 0 && rc != -EDOM && rc != -EEXIST) fail(rc, rule.name);
}

BpfProgram export_program(void* context) {
    const long fd = base::raw::call(SYS_memfd_create, base::raw::ptr("sandbox-bpf"), MFD_CLOEXEC);
    if (fd < 0) throw base::SysError(static_cast<int>(-fd), "make a file in memory");
    const base::UniqueFd file(static_cast<int>(fd));
    const int rc = seccomp_export_bpf(context, file.get());
    if (rc < 0) fail(rc, "export");
    (void)base::raw::call(SYS_lseek, file.get(), 0, SEEK_SET);
    const std::string bytes = base::read_fd(file.get(), 4 * kMaxProgramBytes);
    BpfProgram program(bytes.size() / sizeof(sock_filter));
    std::copy_n(bytes.data(), program.size() * sizeof(sock_filter),
                reinterpret_cast<char*>(program.data()));
    return program;
}

BpfProgram compile(const SeccompPolicy& policy) {
    const std::uint32_t fallback = number_of(policy.fallback);
    const SeccompContext context(seccomp_init(fallback));
    if (!context) fail(-ENOMEM, "start");
    if (policy.other_architectures) add_architectures(context.get());
    for (const SyscallRule& rule : policy.rules) add_rule(context.get(), rule, fallback);
    BpfProgram program = make_guard(policy);
    const BpfProgram rules = export_program(context.get());
    program.insert(program.end(), rules.begin(), rules.end());
    program = compact(program);
    if (program.size() * sizeof(sock_filter) > kMaxProgramBytes) {
        throw base::Error("seccomp policy is too long for the kernel",
                          "at most 4096 instructions; name fewer arguments in the profile");
    }
    return program;
}

}  // namespace

BpfProgram default_seccomp(const SeccompOptions& options, int cache_dir_fd) {
    return cached_program(cache_dir_fd, seccomp_key("default", {}, options),
                          [&] { return compile(make_default_policy(options)); });
}

BpfProgram seccomp_from_profile(std::string_view json_text, const std::string& file,
                                const SeccompOptions& options, int cache_dir_fd) {
    return cached_program(cache_dir_fd, seccomp_key("profile", json_text, options), [&] {
        SeccompPolicy policy = parse_seccomp_profile(json_text, file, options);
        if (options.fake_identity) add_identity_answers(policy);
        return compile(policy);
    });
}

BpfProgram identity_only_seccomp(const SeccompOptions& options, int cache_dir_fd) {
    return cached_program(cache_dir_fd, seccomp_key("identity", {}, options), [&] {
        SeccompPolicy policy;
        policy.fallback = {SeccompAction::Kind::allow, 0};
        add_identity_answers(policy);
        return compile(policy);
    });
}

}  // namespace sandbox::kernel
