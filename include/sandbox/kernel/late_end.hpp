// The end of a process, without its waiting. The kernel frees a process's memory and closes its
// last descriptors before anybody hears of its end; the last descriptor of a mount namespace alone
// takes as long as a dozen mounts. None of it is worth waiting for.
#pragma once

namespace sandbox::kernel {

// From now on another process shares our memory and our descriptors. It sleeps until we have ended,
// and then ends as well: what it shared goes with it. To be called right before the end; whoever
// ended us, it goes. Descriptors that shall be closed behind us must not be closed by us. Answers
// whether it is so.
bool end_late() noexcept;

}  // namespace sandbox::kernel
