// Two verbs of one name: docker's, for the limits of containers, and without a limit the project's,
// which renews sandbox.lock.
#include <algorithm>

#include "cli/commands.hpp"
#include "cli/commands/lock.hpp"
#include "cli/commands/run_request.hpp"
#include "cli/context.hpp"
#include "cli/failures.hpp"
#include "cli/limit_flags.hpp"
#include "cli/project_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/limits.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    kBlkioWeightFlag,
    kCpuPeriodFlag,
    kCpuQuotaFlag,
    kCpuSharesFlag,
    kCpusFlag,
    kCpusetCpusFlag,
    kCpusetMemsFlag,
    kMemoryFlag,
    kMemoryReservationFlag,
    kMemorySwapFlag,
    {"--pids-limit", FlagKind::value, "N", "most processes inside (-1: no limit)"},
    kRestartFlag,
    kStrictLimitsFlag,
    kProfileFileFlag,
    kProjectNameFlag,
    kEnvFilesFlag,
    {"--check", FlagKind::toggle, "",
     "of a project: write nothing; end with 1 when an image has a newer one"},
    {"-q,--quiet", FlagKind::toggle, "", "of a project: no report"},
};
// The last ones are the project's.
constexpr size_t kLimitFlags = std::size(kFlags) - 5;

bool has_limits(const Invocation& in) {
    return std::any_of(std::begin(kFlags), std::begin(kFlags) + kLimitFlags,
                       [&](const Flag& flag) { return !in.list(key_of(flag)).empty(); });
}

constexpr RefusedFlag kRefused[] = {
    {"--cpu-rt-period,--cpu-rt-runtime,--kernel-memory",
     "cgroup v2 or an ordinary user cannot set it"},
};

int run(Context& context, const Invocation& in) {
    if (!has_limits(in)) return renew_lock(context, in, true);
    engine::RunRequest wish;
    take_limits(in, wish);
    wish.pids_limit = in.try_value("pids-limit");
    wish.restart = in.try_value("restart");
    Failures failures;
    for (const std::string& name : in.arguments()) {
        failures.attempt([&] {
            try {
                if (const auto unmet = engine::update_container(context.store(), name, wish)) {
                    base::log::warning(*unmet + ": not enforced before its next start");
                }
            } catch (base::UsageError& error) {
                error.set_code(base::exit_code::kFailure);  // 125 belongs to run
                throw;
            }
            context.out.line(name);
        });
    }
    return failures.code();
}

}  // namespace

constinit const Command kUpdateCommand = {
    .names = "update,container update",
    .arguments = "[CONTAINER|SERVICE...]",
    .summary = "Change limits of containers; without any, renew the project's sandbox.lock",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::containers,
    .refused = kRefused,
};

}  // namespace sandbox::cli
