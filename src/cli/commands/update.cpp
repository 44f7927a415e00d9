#include "cli/commands.hpp"
#include "cli/commands/run_request.hpp"
#include "cli/context.hpp"
#include "cli/failures.hpp"
#include "cli/limit_flags.hpp"
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
};

constexpr RefusedFlag kRefused[] = {
    {"--cpu-rt-period,--cpu-rt-runtime,--kernel-memory",
     "cgroup v2 or an ordinary user cannot set it"},
};

int run(Context& context, const Invocation& in) {
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
    .arguments = "CONTAINER [CONTAINER...]",
    .summary = "Change the limits of containers",
    .flags = kFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::containers,
    .refused = kRefused,
};

}  // namespace sandbox::cli
