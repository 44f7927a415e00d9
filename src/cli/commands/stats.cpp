#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <csignal>
#include <map>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/listing_flags.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/limits.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;
using engine::ContainerUsage;

constexpr Flag kFlags[] = {
    {"-a,--all", FlagKind::toggle, "", "those that do not run, too"},
    kFormatFlag,
    {"--no-stream", FlagKind::toggle, "", "once, after a second, and not for ever"},
    kNoTruncFlag,
};

struct Row {
    ContainerUsage usage;
    std::string asked;      // the name that it was asked for by; empty: not by name
    double processors = 0;  // of one processor's time since the last sample
};

std::string percent(double value) {
    std::array<char, 48> buffer{};
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                            std::chars_format::fixed, 2);
    return error == std::errc() ? std::string(buffer.data(), end) + "%" : "--";
}

// docker's BytesSize: powers of 1024, four digits.
std::string binary_size(std::uint64_t bytes) {
    constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto size = static_cast<double>(bytes);
    size_t unit = 0;
    while (size >= 1024 && unit + 1 < std::size(kUnits)) {
        size /= 1024;
        ++unit;
    }
    std::array<char, 48> buffer{};
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), size,
                                            std::chars_format::general, 4);
    (void)error;  // 48 bytes always suffice for four digits
    return std::string(buffer.data(), end) + kUnits[unit];
}

Value id(const Row& row, const ListFlags& flags) {
    return flags.no_trunc ? row.usage.id : row.usage.id.substr(0, 12);
}
Value container(const Row& row, const ListFlags& flags) {
    return row.asked.empty() ? id(row, flags) : row.asked;
}
Value name(const Row& row, const ListFlags&) {
    return row.usage.name;
}
Value processors(const Row& row, const ListFlags&) {
    return row.usage.running ? percent(100 * row.processors) : "--";
}
Value memory(const Row& row, const ListFlags&) {
    if (!row.usage.running) return "-- / --";
    return binary_size(row.usage.memory_bytes) + " / " + binary_size(row.usage.memory_limit_bytes);
}
Value memory_percent(const Row& row, const ListFlags&) {
    if (!row.usage.running || row.usage.memory_limit_bytes == 0) return "--";
    return percent(100 * static_cast<double>(row.usage.memory_bytes) /
                   static_cast<double>(row.usage.memory_limit_bytes));
}
// A container has no network but its own loopback, which docker does not count either.
Value network(const Row& row, const ListFlags&) {
    if (!row.usage.received_bytes || !row.usage.sent_bytes) return "--";
    return base::format_size(*row.usage.received_bytes) + " / " +
           base::format_size(*row.usage.sent_bytes);
}
Value blocks(const Row& row, const ListFlags&) {
    if (!row.usage.read_bytes || !row.usage.written_bytes) return "--";
    return base::format_size(*row.usage.read_bytes) + " / " +
           base::format_size(*row.usage.written_bytes);
}
Value tasks(const Row& row, const ListFlags&) {
    return row.usage.running ? std::to_string(row.usage.tasks) : "--";
}

constexpr Field<Row> kFields[] = {
    {"Container", "CONTAINER", container},
    {"ID", "CONTAINER ID", id},
    {"Name", "NAME", name},
    {"CPUPerc", "CPU %", processors},
    {"MemUsage", "MEM USAGE / LIMIT", memory},
    {"MemPerc", "MEM %", memory_percent},
    {"NetIO", "NET I/O", network},
    {"BlockIO", "BLOCK I/O", blocks},
    {"PIDs", "PIDS", tasks},
};

class Sampler {
  public:
    // `project`: of all containers only those of that one; empty: of none in particular.
    Sampler(const store::Store& store, std::vector<std::string> names, std::string project,
            bool all)
        : store_(store), names_(std::move(names)), project_(std::move(project)), all_(all) {}
    std::vector<Row> sample();

  private:
    std::vector<std::string> chosen() const;

    const store::Store& store_;
    std::vector<std::string> names_;
    std::string project_;
    bool all_;
    std::map<std::string, ContainerUsage> last_;
};

std::vector<std::string> Sampler::chosen() const {
    if (!names_.empty()) return names_;
    std::vector<std::string> ids;
    if (!project_.empty()) {
        for (const project::Deployed& each : project::find_deployed(store_, project_)) {
            const bool runs = each.state == "running" || each.state == "paused";
            if (each.number != 0 && (all_ || runs)) ids.push_back(each.id);
        }
        return ids;
    }
    for (const engine::ContainerRow& row : engine::list_containers(store_)) {
        if (all_ || row.state == "running" || row.state == "paused") ids.push_back(row.id);
    }
    return ids;
}

std::vector<Row> Sampler::sample() {
    std::vector<Row> rows;
    for (const std::string& each : chosen()) {
        try {
            rows.push_back(
                {engine::measure_container(store_, each), names_.empty() ? "" : each, 0});
        } catch (const base::NotFoundError&) {
            if (!names_.empty()) throw;  // else removed while we looked
            continue;
        }
        Row& row = rows.back();
        const auto before = last_.find(row.usage.id);
        if (before != last_.end() && row.usage.cpu_ns >= before->second.cpu_ns &&
            row.usage.moment_ns > before->second.moment_ns) {
            row.processors = static_cast<double>(row.usage.cpu_ns - before->second.cpu_ns) /
                             static_cast<double>(row.usage.moment_ns - before->second.moment_ns);
        }
        last_[row.usage.id] = row.usage;
    }
    return rows;
}

int run(Context& context, const Invocation& in) {
    constexpr std::chrono::seconds kInterval{1};
    constexpr const char* kClearScreen = "\033[2J\033[H";
    ProjectScope scope(context, in);
    const bool of_project = context.project.compose && in.arguments().empty();
    Sampler sampler(context.store(), scope.containers(in.arguments()),
                    of_project ? scope.name() : "", in.toggle("all"));
    const bool once = in.toggle("no-stream");
    const bool clears = !once && ::isatty(STDOUT_FILENO) == 1 && in.value_or("format", "").empty();
    (void)sampler.sample();  // names that do not exist are said at once
    base::PollLoop loop;
    loop.add_timer(kInterval, kInterval, [&] {
        if (clears) context.out.write(kClearScreen);
        context.out.write(render_listing<Row>(
            {kFields,
             {"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"},
             "ID"},
            sampler.sample(), list_flags(in)));
        context.out.flush();
        if (once) loop.stop();
    });
    loop.run();
    return 0;
}

}  // namespace

constinit const Command kStatsCommand = {
    .names = "stats,container stats,compose stats",
    .arguments = "[SERVICE|CONTAINER...]",
    .summary = "Show what running containers use",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::containers,
};

}  // namespace sandbox::cli
