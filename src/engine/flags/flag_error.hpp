// The one form of "this flag's value cannot be": what, where, cure; exit code 125 (docker's).
#pragma once

#include <string>
#include <string_view>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {

// "invalid value "VALUE" for --flag: why"
[[noreturn]] inline void throw_bad_flag(std::string_view flag, std::string_view value,
                                        std::string_view why, std::string hint = {}) {
    std::string text = "invalid value " + base::quote(value) + " for ";
    text.append(flag).append(": ").append(why);
    throw base::UsageError(std::move(text), std::move(hint), base::exit_code::kEngine);
}

[[noreturn]] inline void throw_usage(std::string message, std::string hint = {}) {
    throw base::UsageError(std::move(message), std::move(hint), base::exit_code::kEngine);
}

}  // namespace sandbox::engine
