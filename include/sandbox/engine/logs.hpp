// `logs`: what containers have written, of one or of several in the order of time, and what they
// write until they end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/store/layout.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::engine {

// Does `run --log-driver` take that word?
[[nodiscard]] bool is_log_driver(std::string_view word) noexcept;

struct LogsWish {
    store::LogWish range;
    bool follow = false;
    // As long as this pipe's write end is open, one that has ended may be started again and is
    // followed on; -1: following ends when all have ended. Borrowed.
    int lasting_fd = -1;
    // Following ends when nobody reads this descriptor any more (a pipe's write end); -1: never.
    int output_fd = -1;
};

// A log whose container is gone.
struct LeftLog {
    std::string name;
    int directory_fd = -1;  // in the place of the container's; borrowed
    store::LogOptions options;
};

struct LogSinks {
    // `container`: an index into `names`, then into `left`. The views hold during the call only.
    std::function<void(size_t container, const std::string& id, const std::string& name,
                       const store::LogRecord& record)>
        record;
    std::function<void(const std::string& text)> notice;
    std::function<void()> pause;  // nothing more for now: what is buffered shall be shown
};

// Throws NotFoundError "no such container: …"; Error for a container whose log driver is none.
void read_logs(const store::Store& store, const std::vector<std::string>& names,
               const LogsWish& wish, const LogSinks& sinks, const std::vector<LeftLog>& left = {});

}  // namespace sandbox::engine
