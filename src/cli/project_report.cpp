#include "cli/project_report.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::cli {
namespace {

using project::Notice;

void write_error(const std::string& text) {
    // When nobody listens there is nobody left to tell.
    (void)!::write(STDERR_FILENO, text.data(), text.size());
}

std::string seconds_text(std::chrono::milliseconds elapsed) {
    std::array<char, 32> buffer{};
    const double seconds = static_cast<double>(elapsed.count()) / 1000;
    (void)std::snprintf(buffer.data(), buffer.size(), seconds < 10 ? "%.1f s" : "%.0f s", seconds);
    return buffer.data();
}

// As the first of those that wait would say it.
std::string waiting_words(const Notice& notice) {
    const std::string what = notice.text + ", " + seconds_text(notice.elapsed);
    if (notice.waiters.empty()) return "waiting: " + what;
    std::string words = "waits for " + notice.service;
    const std::vector<std::string> others(notice.waiters.begin() + 1, notice.waiters.end());
    if (!others.empty()) {
        words += ", as " + base::join(others, ", ") + (others.size() == 1 ? " does" : " do");
    }
    return words + ": " + what;
}

std::string words_of(const Notice& notice) {
    const std::string& name = notice.container;
    switch (notice.what) {
        case Notice::What::pulling:
            return "pulling " + notice.text;
        case Notice::What::pulled:
            return "pulled " + notice.text;
        case Notice::What::removing:
            return "removing " + name + ": " + notice.text;
        case Notice::What::creating:
            return notice.text.empty() ? "creating " + name
                                       : "making " + name + " anew: " + notice.text;
        case Notice::What::starting:
            return notice.text.empty() ? "starting " + name
                                       : "starting " + name + " again: " + notice.text;
        case Notice::What::kept:
            return name + " is as it should be";
        case Notice::What::waiting:
            return waiting_words(notice);
        case Notice::What::started:
            return "started";
        case Notice::What::good:
            return "ready after " + seconds_text(notice.elapsed);
        case Notice::What::stopping:
            return "stopping " + name + (notice.text.empty() ? "" : ": " + notice.text);
        case Notice::What::ending:
            return "stopping " + name + ": killed in " + seconds_text(notice.elapsed);
        case Notice::What::stopped:
            return "stopped " + name;
        case Notice::What::removed:
            return "removed " + name;
        case Notice::What::not_begun:
            return "not started, because of " + notice.text;
        case Notice::What::fell_short:
            return name + " " + notice.text;
    }
    return {};
}

}  // namespace

ProjectReport::ProjectReport(const project::Project* project, bool quiet)
    : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {
    if (project == nullptr) return;
    for (const project::Service& service : project->services) {
        width_ = std::max(width_, service.name.size());
    }
}

void ProjectReport::clear_line() {
    if (line_pending_) write_error("\r\x1b[K");
    line_pending_ = false;
}

void ProjectReport::line(const std::string& service, const std::string& text) {
    clear_line();
    std::string shown = base::escape_control(service);
    shown.resize(std::max(shown.size(), width_), ' ');
    write_error(shown + (shown.empty() ? "" : "  ") + base::escape_control(text) + "\n");
}

void ProjectReport::tell(const Notice& notice) {
    if (quiet_) return;
    const std::string words = words_of(notice);
    if (notice.what == Notice::What::ending) {
        // A countdown is for eyes; whoever reads it later wants to know that there was one.
        if (!terminal_ && !counted_down_.insert(notice.container).second) return;
        overwritten_line(notice.service, words);
        return;
    }
    if (notice.what != Notice::What::waiting) {
        told_waiting_.erase(notice.service);
        line(notice.service, words);
        return;
    }
    // Most are ready before one can read what they are waited for.
    constexpr std::chrono::milliseconds kWorthSaying{900};
    if (notice.elapsed < kWorthSaying) return;
    // How it goes on is for eyes, as above.
    if (!terminal_ && !told_waiting_.insert(notice.service).second) return;
    overwritten_line(notice.waiters.empty() ? notice.service : notice.waiters.front(), words);
}

// The next line takes this one's place: up, and erased.
void ProjectReport::overwritten_line(const std::string& service, const std::string& text) {
    line(service, text);
    if (!terminal_) return;
    write_error("\x1b[A");
    line_pending_ = true;
}

void ProjectReport::tell_end(const std::string& service, const std::string& text) {
    if (!quiet_) line(service, text);
}

void ProjectReport::tell_failures(const std::vector<project::Failure>& failures) {
    for (const project::Failure& failure : failures) {
        clear_line();
        std::string who = failure.service.empty() ? failure.container : failure.service;
        base::log::warning(who + " failed: " + failure.why);
        if (!failure.probe_output.empty()) {
            for (const std::string& each : base::split(base::trim(failure.probe_output), '\n')) {
                write_error("    check | " + base::escape_control(each) + "\n");
            }
        }
        for (const std::string& each : failure.log_lines) {
            write_error("    log | " + base::escape_control(each) + "\n");
        }
    }
}

}  // namespace sandbox::cli
