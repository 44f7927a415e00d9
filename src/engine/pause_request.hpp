// What our process above a payload is asked for beyond passing signals on: by a queued signal with
// a number that nobody else has a reason to send; whoever inside sends it too stops only his own
// container.
//   - pausing without a cgroup: pid 1 of the container stops everybody else;
//   - killing a program that joined: its parent kills it and its process group, and reaps it. If
//     that parent were killed instead, a program that has changed its ids would live on (prctl(2),
//     PR_SET_PDEATHSIG).
#pragma once

namespace sandbox::engine {

inline constexpr int kPauseSignal = 64;                   // SIGRTMAX of the kernel
inline constexpr unsigned long kPauseValue = 0x70617573;  // si_value of "stop all"
inline constexpr unsigned long kResumeValue = 0x72657375;
inline constexpr unsigned long kKillValue = 0x6b696c6c;

}  // namespace sandbox::engine
