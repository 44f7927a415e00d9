// Notices for the user on stderr, one line each, control bytes escaped. Results never go here.
#pragma once

#include <string_view>

namespace sandbox::base::log {

enum class Level { quiet, normal, debug };
void set_level(Level level) noexcept;
[[nodiscard]] Level level() noexcept;
void notice(std::string_view text);   // "sandbox: text"; not with quiet
void warning(std::string_view text);  // "sandbox: warning: text"; always
void warning_once(std::string_view key, std::string_view text);
void debug(std::string_view text);
// While it lives, notices and warnings are not shown: they have been said before.
class SaidBefore {
  public:
    SaidBefore() noexcept;
    ~SaidBefore();
    SaidBefore(const SaidBefore&) = delete;
    SaidBefore& operator=(const SaidBefore&) = delete;
};
// A progress display that must be cleared before a line and redrawn after; null to unset.
void set_interrupt_hooks(void (*before)(), void (*after)()) noexcept;

}  // namespace sandbox::base::log
