#include "sandbox/base/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string>

#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::base::log {
namespace {

struct State {
    Level level = Level::normal;
    int said_before = 0;
    void (*before)() = nullptr;
    void (*after)() = nullptr;
};

State& state() noexcept {
    static constinit State instance;
    return instance;
}

// One write per line, so that lines of several processes do not mix. Where stderr itself is broken
// there is nobody left to tell.
void print_line(std::string_view prefix, std::string_view text) {
    std::string line(prefix);
    line.append(escape_control(text)).append("\n");
    if (state().before != nullptr) state().before();
    std::string_view rest = line;
    while (!rest.empty()) {
        const long rc = raw::write(STDERR_FILENO, rest.data(), rest.size());
        if (rc > 0) {
            rest.remove_prefix(static_cast<size_t>(rc));
        } else if (rc == -EAGAIN) {
            pollfd writable{STDERR_FILENO, POLLOUT, 0};
            if (::poll(&writable, 1, 1000) <= 0) break;
        } else if (rc != -EINTR) {
            break;
        }
    }
    if (state().after != nullptr) state().after();
}

}  // namespace

void set_level(Level level) noexcept {
    state().level = level;
}

Level level() noexcept {
    return state().level;
}

void notice(std::string_view text) {
    if (state().level == Level::quiet || state().said_before > 0) return;
    print_line("sandbox: ", text);
}

void warning(std::string_view text) {
    if (state().said_before == 0) print_line("sandbox: warning: ", text);
}

SaidBefore::SaidBefore() noexcept {
    ++state().said_before;
}

SaidBefore::~SaidBefore() {
    --state().said_before;
}

void warning_once(std::string_view key, std::string_view text) {
    static std::set<std::string, std::less<>> said;
    if (said.emplace(key).second) warning(text);
}

void debug(std::string_view text) {
    if (state().level == Level::debug) print_line("sandbox: debug: ", text);
}

void set_interrupt_hooks(void (*before)(), void (*after)()) noexcept {
    state().before = before;
    state().after = after;
}

}  // namespace sandbox::base::log
