// The flags for limits, which run, create and update share.
#pragma once

#include "cli/command.hpp"

namespace sandbox::cli {

inline constexpr Flag kBlkioWeightFlag = {"--blkio-weight", FlagKind::value, "N",
                                          "share of block I/O, 10 to 1000"};
inline constexpr Flag kCpuPeriodFlag = {"--cpu-period", FlagKind::value, "MICROSECONDS",
                                        "period of --cpu-quota (default 100000)"};
inline constexpr Flag kCpuQuotaFlag = {"--cpu-quota", FlagKind::value, "MICROSECONDS",
                                       "processor time in each period"};
inline constexpr Flag kCpuSharesFlag = {"-c,--cpu-shares", FlagKind::value, "N",
                                        "share of processor time, 2 to 262144"};
inline constexpr Flag kCpusFlag = {"--cpus", FlagKind::value, "N",
                                   "most processors' worth of time, such as 1.5"};
inline constexpr Flag kCpusetCpusFlag = {"--cpuset-cpus", FlagKind::value, "LIST",
                                         "only these processors, such as 0-2,5"};
inline constexpr Flag kCpusetMemsFlag = {"--cpuset-mems", FlagKind::value, "LIST",
                                         "only these memory nodes"};
inline constexpr Flag kMemoryFlag = {"-m,--memory", FlagKind::value, "SIZE",
                                     "most memory; what needs more is killed"};
inline constexpr Flag kMemoryReservationFlag = {"--memory-reservation", FlagKind::value, "SIZE",
                                                "memory that is not taken away"};
inline constexpr Flag kMemorySwapFlag = {"--memory-swap", FlagKind::value, "SIZE",
                                         "most memory and swap together; -1: no limit"};
inline constexpr Flag kRestartFlag = {
    "--restart",      FlagKind::value,
    "POLICY",         "no, on-failure[:N], always or unless-stopped",
    Completes::words, "no on-failure always unless-stopped"};
inline constexpr Flag kStrictLimitsFlag = {"--strict-limits", FlagKind::toggle, "",
                                           "a limit that cannot be enforced is an error"};

}  // namespace sandbox::cli
