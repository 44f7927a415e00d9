#include <unistd.h>

#include <algorithm>

#include "cli/app.hpp"
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/project_logs.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/moment.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/logs.hpp"
#include "sandbox/project/logs.hpp"

namespace sandbox::cli {
namespace {

using store::LogRecord;
using store::LogStream;

constexpr Flag kFlags[] = {
    {"--details", FlagKind::toggle, "", "accepted and ignored: there are no details"},
    {"-f,--follow", FlagKind::toggle, "", "go on with what it writes, until it ends"},
    {"--index", FlagKind::value, "N", "of services: only their containers of that number"},
    {"--names", FlagKind::toggle, "", "begin each line with the container's name"},
    {"--since", FlagKind::value, "TIME", "from that time on: 10m (ago), a date, or Unix time"},
    {"--no-color", FlagKind::toggle, "", "of services: no colours"},
    {"--no-log-prefix", FlagKind::toggle, "", "of services: no names in front of the lines"},
    {"-n,--tail", FlagKind::value, "NUMBER", "only the last lines (default all)"},
    {"-t,--timestamps", FlagKind::toggle, "", "begin each line with its time"},
    {"--until", FlagKind::value, "TIME", "up to that time"},
    kScopeFileFlag,
    kScopeNameFlag,
};

std::optional<base::Timestamp> try_moment(const Invocation& in, std::string_view key) {
    const std::optional<std::string> text = in.try_value(key);
    if (!text) return std::nullopt;
    const auto time = base::try_parse_moment(*text, base::now());
    if (!time) {
        throw base::UsageError("invalid time " + base::quote(*text) + " for --" + std::string(key),
                               "use a duration (10m), a date (2026-11-24T15:11:42) or Unix time");
    }
    return time;
}

std::optional<std::uint64_t> try_tail(const Invocation& in) {
    const std::string text = in.value_or("tail", "all");
    if (text == "all") return std::nullopt;
    const auto number = base::try_parse_i64(text);
    if (!number) {
        throw base::UsageError("invalid number " + base::quote(text) + " for --tail",
                               "use a whole number, or all");
    }
    if (*number < 0) return std::nullopt;  // docker's and podman's other word for all
    return static_cast<std::uint64_t>(*number);
}

// Colours are harmless on a terminal (ESC [ digits and ; m), and logs are full of them.
size_t colour_length(std::string_view text) noexcept {
    if (!text.starts_with("\x1b[")) return 0;
    const size_t end = text.find_first_not_of("0123456789;", 2);
    return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

// The lines of containers, to the stream that each was written to.
class Printer {
  public:
    Printer(Output& out, const Invocation& in, bool several)
        : out_(out),
          times_(in.toggle("timestamps")),
          names_(in.toggle("names")),
          several_(several) {}

    void record(size_t container, const std::string& id, const std::string& name,
                const LogRecord& record) {
        if (record.stream == LogStream::notice) {
            flush();
            base::log::warning("container " + base::quote(name) + ": " + std::string(record.text));
            return;
        }
        const bool is_error = record.stream == LogStream::err;
        Output& to = is_error ? err_ : out_;
        Output& other = is_error ? out_ : err_;
        if (last_ != nullptr && last_ != &to) other.flush();  // both may be one terminal
        last_ = &to;
        if (container >= lines_.size()) lines_.resize(container + 1);
        const size_t stream = is_error ? 1 : 0;
        bool& within = lines_[container][stream];
        end_line_of_others(to, container, stream);
        if (!within) begin_line(to, id, name, record.time);
        write_text(to, record.text, record.ends_line);
        within = !record.ends_line;
    }
    void flush() {
        out_.flush();
        err_.flush();
    }

  private:
    // One container's unfinished line is not another's beginning.
    void end_line_of_others(Output& to, size_t container, size_t stream) {
        for (size_t other = 0; other < lines_.size(); ++other) {
            if (other == container || !lines_[other][stream]) continue;
            to.write("\n");
            lines_[other][stream] = false;
        }
    }
    void begin_line(Output& to, const std::string& id, const std::string& name,
                    std::string_view time) {
        if (names_) {
            to.write(name + " ");
        } else if (several_) {
            to.write(id.substr(0, 12) + " ");
        }
        // "+00:00" → "Z", as docker prints it.
        if (times_) to.write(std::string(time.substr(0, 29)) + "Z ");
    }
    static void write_text(Output& to, std::string_view text, bool ends_line) {
        if (to.is_terminal()) {
            if (ends_line && text.ends_with('\r')) text.remove_suffix(1);  // the terminal's own
            to.write_coloured(text, colour_length);
        } else {
            to.write(text);
        }
        if (ends_line) to.write("\n");
    }

    Output& out_;
    Output err_{STDERR_FILENO};
    Output* last_ = nullptr;
    bool times_, names_, several_;
    std::vector<std::array<bool, 2>> lines_;  // within a line, for each stream
};

// One stream of all, with names in front.
int run_services(Context& context, const Invocation& in, ProjectScope& scope,
                 const engine::LogsWish& wish) {
    const ProjectScope::Names names = scope.sort(in.arguments(), true);
    const auto wanted = [&](const std::string& service) {
        return in.arguments().empty() || std::find(names.services.begin(), names.services.end(),
                                                   service) != names.services.end();
    };
    const bool has_index = in.try_value("index").has_value();
    const std::uint32_t index = container_index(in);
    const auto is_number = [&](std::uint32_t number) {
        return number != 0 && (!has_index || number == index);
    };
    ProjectLogs logs;
    for (const project::Deployed& each : scope.deployed()) {
        if (!wanted(each.service) || !is_number(each.number)) continue;
        logs.ids.push_back(each.id);
        logs.titles.push_back(each.service + "-" + std::to_string(each.number));
    }
    for (const std::string& name : names.containers) {
        logs.ids.push_back(name);
        logs.titles.push_back(name);
    }
    // What `down` has removed still has something to say.
    const std::vector<project::KeptLog> kept = project::kept_logs(context.store(), scope.name());
    for (const project::KeptLog& log : kept) {
        if (!wanted(log.service) || !is_number(log.number)) continue;
        logs.titles.push_back(log.service + "-" + std::to_string(log.number));
        logs.left.push_back({logs.titles.back(), log.directory.get(), log.options});
    }
    logs.prefix = !in.toggle("no-log-prefix");
    logs.color = !in.toggle("no-color");
    logs.timestamps = in.toggle("timestamps");
    show_project_logs(context.store(), context.out, logs, wish);
    return 0;
}

int run(Context& context, const Invocation& in) {
    engine::LogsWish wish;
    wish.range = {try_tail(in), try_moment(in, "since"), try_moment(in, "until")};
    wish.follow = in.toggle("follow");
    wish.output_fd = context.out.raw_fd();
    ProjectScope scope(context, in);
    if (in.arguments().empty() && !scope.exists()) {
        throw base::UsageError("no container named, and there is no project here",
                               "name one, or make a profile: sandbox init");
    }
    if (in.arguments().empty() || !scope.sort(in.arguments(), true).services.empty()) {
        return run_services(context, in, scope, wish);
    }
    Printer printer(context.out, in, in.arguments().size() > 1);
    engine::LogSinks sinks;
    sinks.record = [&](size_t container, const std::string& id, const std::string& name,
                       const LogRecord& record) { printer.record(container, id, name, record); };
    sinks.notice = [&](const std::string& text) {
        printer.flush();
        base::log::warning(text);
    };
    sinks.pause = [&] { printer.flush(); };
    engine::read_logs(context.store(), in.arguments(), wish, sinks);
    return 0;
}

}  // namespace

constinit const Command kLogsCommand = {
    .names = "logs,container logs,compose logs",
    .arguments = "[SERVICE|CONTAINER...]",
    .summary = "Show what containers have written",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::containers,
};

}  // namespace sandbox::cli
