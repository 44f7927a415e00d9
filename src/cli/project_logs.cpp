#include "cli/project_logs.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "sandbox/base/log.hpp"

namespace sandbox::cli {
namespace {

// Colours that can be read on dark and on light.
constexpr std::array<const char*, 6> kColors{"36", "33", "32", "35", "34", "31"};

// ESC [ digits and ; m: harmless on a terminal, and logs are full of them.
size_t colour_length(std::string_view text) noexcept {
    if (!text.starts_with("\x1b[")) return 0;
    const size_t end = text.find_first_not_of("0123456789;", 2);
    return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

std::vector<std::string> make_prefixes(const ProjectLogs& logs, bool color) {
    size_t width = 0;
    for (const std::string& title : logs.titles) width = std::max(width, title.size());
    std::vector<std::string> prefixes;
    for (size_t i = 0; i < logs.titles.size(); ++i) {
        std::string prefix = logs.titles[i];
        prefix.resize(width, ' ');
        prefix += " | ";
        if (color)
            prefix = std::string("\x1b[") + kColors[i % kColors.size()] + "m" + prefix + "\x1b[0m";
        prefixes.push_back(std::move(prefix));
    }
    return prefixes;
}

}  // namespace

void show_project_logs(const store::Store& store, Output& out, const ProjectLogs& logs,
                       const engine::LogsWish& wish) {
    const bool color = logs.color && out.is_terminal() && std::getenv("NO_COLOR") == nullptr;
    const std::vector<std::string> prefixes = make_prefixes(logs, color);
    // Who is in the middle of a line: another one's record must not land in it.
    constexpr size_t kNobody = static_cast<size_t>(-1);
    size_t in_line = kNobody;
    engine::LogSinks sinks;
    sinks.record = [&](size_t container, const std::string&, const std::string&,
                       const store::LogRecord& record) {
        if (in_line != container) {
            if (in_line != kNobody) out.line("");
            if (logs.prefix) out.write_coloured(prefixes[container], colour_length);
            if (logs.timestamps) out.write(std::string(record.time) + " ");
        }
        out.write_coloured(record.text, colour_length);
        if (record.ends_line) out.line("");
        in_line = record.ends_line ? kNobody : container;
    };
    sinks.notice = [](const std::string& text) { base::log::warning(text); };
    sinks.pause = [&] { out.flush(); };
    engine::read_logs(store, logs.ids, wish, sinks, logs.left);
    // A colour that somebody has left on is not the shell's.
    if (out.is_terminal()) out.write("\x1b[0m");
    out.flush();
}

}  // namespace sandbox::cli
