#include "engine/signal_names.hpp"

#include <array>
#include <csignal>
#include <vector>

#include "engine/flags/flag_error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

struct Named {
    std::string_view name;
    int number;
};
constexpr std::array kSignals{
    Named{"HUP", SIGHUP},       Named{"INT", SIGINT},       Named{"QUIT", SIGQUIT},
    Named{"ILL", SIGILL},       Named{"TRAP", SIGTRAP},     Named{"ABRT", SIGABRT},
    Named{"IOT", SIGABRT},      Named{"BUS", SIGBUS},       Named{"FPE", SIGFPE},
    Named{"KILL", SIGKILL},     Named{"USR1", SIGUSR1},     Named{"SEGV", SIGSEGV},
    Named{"USR2", SIGUSR2},     Named{"PIPE", SIGPIPE},     Named{"ALRM", SIGALRM},
    Named{"TERM", SIGTERM},     Named{"STKFLT", SIGSTKFLT}, Named{"CHLD", SIGCHLD},
    Named{"CLD", SIGCHLD},      Named{"CONT", SIGCONT},     Named{"STOP", SIGSTOP},
    Named{"TSTP", SIGTSTP},     Named{"TTIN", SIGTTIN},     Named{"TTOU", SIGTTOU},
    Named{"URG", SIGURG},       Named{"XCPU", SIGXCPU},     Named{"XFSZ", SIGXFSZ},
    Named{"VTALRM", SIGVTALRM}, Named{"PROF", SIGPROF},     Named{"WINCH", SIGWINCH},
    Named{"IO", SIGIO},         Named{"POLL", SIGIO},       Named{"PWR", SIGPWR},
    Named{"SYS", SIGSYS},
};

// As docker numbers them: the two below are libc's own (signal(7), "Real-time signals").
constexpr int kFirstRealTime = 34;
constexpr int kLastSignal = 64;

std::optional<int> try_parse_real_time(std::string_view name) {
    const bool from_min = name.starts_with("RTMIN");
    if (!from_min && !name.starts_with("RTMAX")) return std::nullopt;
    name.remove_prefix(5);
    const int base_number = from_min ? kFirstRealTime : kLastSignal;
    if (name.empty()) return base_number;
    if (name.front() != (from_min ? '+' : '-')) return std::nullopt;
    const auto offset = base::try_parse_u64(name.substr(1));
    if (!offset || *offset > kLastSignal - kFirstRealTime) return std::nullopt;
    const int step = static_cast<int>(*offset);
    return from_min ? base_number + step : base_number - step;
}

}  // namespace

std::optional<int> try_parse_signal(std::string_view text) {
    if (const auto number = base::try_parse_u64(text)) {
        if (*number < 1 || *number > kLastSignal) return std::nullopt;
        return static_cast<int>(*number);
    }
    const std::string upper = base::to_upper(text);
    std::string_view name = upper;
    if (name.starts_with("SIG")) name.remove_prefix(3);
    for (const Named& signal : kSignals) {
        if (signal.name == name) return signal.number;
    }
    return try_parse_real_time(name);
}

int parse_signal(std::string_view text) {
    if (const auto number = try_parse_signal(text)) return *number;
    std::vector<std::string> names;
    for (const Named& signal : kSignals) names.emplace_back(signal.name);
    std::string upper = base::to_upper(text);
    if (upper.starts_with("SIG")) upper.erase(0, 3);
    const auto nearest = base::try_nearest(upper, names);
    throw_usage("invalid signal: " + base::escape_control(text),
                nearest ? "did you mean \"" + *nearest + "\"?"
                        : "a name such as TERM or SIGTERM, or a number from 1 to 64");
}

std::string signal_name(int number) {
    for (const Named& signal : kSignals) {
        if (signal.number == number) return "SIG" + std::string(signal.name);
    }
    if (number >= kFirstRealTime && number <= kLastSignal) {
        return number == kFirstRealTime ? "SIGRTMIN"
                                        : "SIGRTMIN+" + std::to_string(number - kFirstRealTime);
    }
    return "SIG" + std::to_string(number);
}

}  // namespace sandbox::engine
