#include "cli/file_report.hpp"

#include "sandbox/base/log.hpp"

namespace sandbox::cli {

int say_file_report(const image::FileReport& report) {
    for (const std::string& line : report.notices) base::log::notice(line);
    for (const std::string& line : report.failures) base::log::warning("not copied: " + line);
    return report.failures.empty() ? 0 : 1;
}

}  // namespace sandbox::cli
