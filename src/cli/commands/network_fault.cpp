// network fault: what happens between two containers, for those who want to see what their programs
// do then.
#include <cmath>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/network_faults.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    {"--clear", FlagKind::toggle, "", "end what there is between the two"},
    {"--delay", FlagKind::value, "DURATION", "hold each packet so long, in both directions"},
    {"--drop", FlagKind::value, "PERCENT", "lose so many of the packets, in both directions"},
    {"--partition", FlagKind::toggle, "", "lose all of them"},
};

std::chrono::microseconds parse_delay(const std::string& text) {
    constexpr std::int64_t kMostNs = 60'000'000'000;
    const auto ns = base::try_parse_duration_ns(text);
    if (!ns || *ns < 0 || *ns > kMostNs) {
        throw base::UsageError("--delay " + base::quote(text) + " is no duration up to a minute",
                               "for instance 200ms");
    }
    return std::chrono::microseconds(*ns / 1000);
}

// "2%", "0.5%", "2": parts of a million.
std::uint32_t parse_percent(const std::string& text) {
    std::string_view digits = text;
    if (digits.ends_with('%')) digits.remove_suffix(1);
    constexpr size_t kLongest = 8;
    const bool plain = !digits.empty() && digits.size() <= kLongest &&
                       digits.find_first_not_of("0123456789.") == digits.npos;
    char* end = nullptr;
    const std::string number(digits);
    const double percent = plain ? std::strtod(number.c_str(), &end) : -1;
    if (!plain || *end != '\0' || percent < 0 || percent > 100) {
        throw base::UsageError("--drop " + base::quote(text) + " is no percentage",
                               "for instance 2%, at most 100%");
    }
    return static_cast<std::uint32_t>(std::lround(percent * 10'000));
}

std::string number_text(double value) {
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

std::string text_of(const engine::FaultWish& wish) {
    if (wish.partition) return "partition";
    std::string text;
    if (wish.delay.count() != 0) {
        text = "delay " + number_text(static_cast<double>(wish.delay.count()) / 1000) + "ms";
    }
    if (wish.drop_ppm != 0) {
        text += (text.empty() ? "drop " : ", drop ") + number_text(wish.drop_ppm / 10'000.0) + "%";
    }
    return text;
}

int run(Context& context, const Invocation& in) {
    engine::FaultWish wish;
    if (const auto text = in.try_value("delay")) wish.delay = parse_delay(*text);
    if (const auto text = in.try_value("drop")) wish.drop_ppm = parse_percent(*text);
    wish.partition = in.toggle("partition");
    const bool any = in.try_value("delay") || in.try_value("drop") || wish.partition;
    const bool clear = in.toggle("clear");
    if (any && clear) {
        throw base::UsageError("--clear and a fault contradict each other", "give one of them");
    }
    if (in.arguments().empty()) {
        if (any || clear) throw base::UsageError("which two containers?", "network fault A B …");
        for (const engine::FaultRow& row : engine::list_network_faults(context.store())) {
            context.out.line(row.a + " " + row.b + " (" + row.network + "): " + text_of(row.wish));
        }
        return 0;
    }
    if (in.arguments().size() != 2) {
        throw base::UsageError("a fault is between two containers", "network fault A B …");
    }
    if (!any && !clear) {
        throw base::UsageError("which fault?", "--delay, --drop, --partition, or --clear");
    }
    std::vector<std::string> ids;
    for (const std::string& name : in.arguments()) {
        const std::string found = ProjectScope(context, in).container(name);
        ids.push_back(store::ContainerStore(context.store()).find(found).id);
    }
    engine::set_network_fault(context.store(), ids[0], ids[1], wish);
    return 0;
}

}  // namespace

constinit const Command kNetworkFaultCommand = {
    .names = "network fault",
    .arguments = "[SERVICE|CONTAINER SERVICE|CONTAINER]",
    .summary = "Lose, delay or cut what two containers say to each other",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 2,
    .run = run,
    .completes = Completes::containers,
};

}  // namespace sandbox::cli
