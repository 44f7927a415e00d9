// What is linked into the program, under which licence.
#pragma once

#include <string>

namespace sandbox::cli {

[[nodiscard]] std::string licenses_text();

}  // namespace sandbox::cli
